use crate::raw::{self, zoo_error};

/// Status of a call: the absl numbering.
pub type Status = i32;

/// What went wrong, in one sentence.
#[derive(Debug, Clone)]
pub struct Error {
    pub status: Status,
    pub message: String,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Error { status, message: message.into() }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(raw::INVALID_ARGUMENT, message)
    }

    pub fn data_loss(message: impl Into<String>) -> Self {
        Self::new(raw::DATA_LOSS, message)
    }

    pub(crate) fn empty() -> zoo_error {
        zoo_error { size: std::mem::size_of::<zoo_error>() as u32, flags: 0, code: 0, len: 0, msg: [0; 496] }
    }

    /// The error of a call that returned `status`.
    pub(crate) fn check(status: Status, error: &zoo_error) -> Result<()> {
        if status == raw::OK {
            return Ok(());
        }
        let bytes = &error.msg[..(error.len as usize).min(error.msg.len())];
        Err(Error::new(status, String::from_utf8_lossy(bytes)))
    }

    /// Writes this into the caller's error, no more than it has room for; cut at a character.
    ///
    /// # Safety
    /// `out` is NULL or points to an error whose size the caller declared.
    pub(crate) unsafe fn write(&self, out: *mut zoo_error) -> Status {
        let head = std::mem::offset_of!(zoo_error, msg);
        if out.is_null() || ((*out).size as usize) <= head {
            return self.status;
        }
        let mut length = self.message.len().min((*out).size as usize - head).min(496);
        while !self.message.is_char_boundary(length) {
            length -= 1;
        }
        std::ptr::copy_nonoverlapping(self.message.as_ptr(), std::ptr::addr_of_mut!((*out).msg).cast(), length);
        (*out).len = length as u32;
        (*out).code = self.status;
        self.status
    }
}

/// Runs a call into the plugin: its status, its error written, and a panic turned into one.
pub(crate) fn guard(out: *mut zoo_error, body: impl FnOnce() -> Result<()>) -> Status {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "of unknown cause".into());
        Err(Error::new(raw::INTERNAL, format!("the plugin panicked: {text}")))
    });
    match result {
        Ok(()) => raw::OK,
        Err(error) => unsafe { error.write(out) },
    }
}
