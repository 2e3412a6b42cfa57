use crate::batch::text;
use crate::error::{guard, Error, Result};
use crate::host::{size, Host, Parameters};
use crate::raw::*;
use std::ffi::{c_char, c_void};

/// What an algorithm is called and what it takes; texts as in `zoo_algorithm_info_v1`.
pub struct Info {
    /// Lower-case letters, digits and hyphens.
    pub id: &'static str,
    pub title: &'static str,
    pub summary: &'static str,
    pub paper: &'static str,
    /// A subset of JSON Schema.
    pub parameters: &'static str,
    /// JSON: data, roles, services.
    pub needs: &'static str,
    /// JSON: an array; empty where there are none.
    pub presets: &'static str,
}

/// One training algorithm. Made once for each run; `step` is called until the budget is spent.
pub trait Algorithm: Sized {
    const INFO: Info;

    /// Reads the parameters. No service of the host may be called yet.
    fn create(parameters: &Parameters) -> Result<Self>;

    /// One iteration. An error ends the run.
    fn step(&mut self, host: &Host) -> Result<()>;

    /// All that a later `load` needs to go on bit for bit. None unless it is overridden.
    fn save(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Takes up saved state; an error for bytes that are none.
    fn load(&mut self, bytes: &[u8]) -> Result<()> {
        match bytes.is_empty() {
            true => Ok(()),
            false => Err(Error::data_loss(format!("'{}' has no state; {} bytes were given", Self::INFO.id, bytes.len()))),
        }
    }
}

/// Static tables of a library; `plugin!` makes them.
pub struct Exported<A: Algorithm>(std::marker::PhantomData<A>);

const fn literal(value: &'static str) -> zoo_str {
    zoo_str { ptr: value.as_ptr().cast(), len: value.len() as u64 }
}

/// The algorithm's card.
pub const fn info<A: Algorithm>() -> zoo_algorithm_info_v1 {
    zoo_algorithm_info_v1 {
        size: std::mem::size_of::<zoo_algorithm_info_v1>() as u32,
        flags: 0,
        id: literal(A::INFO.id),
        title: literal(A::INFO.title),
        summary: literal(A::INFO.summary),
        paper: literal(A::INFO.paper),
        parameters: literal(A::INFO.parameters),
        needs: literal(A::INFO.needs),
        presets: literal(A::INFO.presets),
    }
}

impl<A: Algorithm> Exported<A> {
    /// The plugin's table, with the address of a static list of cards.
    pub const fn plugin(toolchain: &'static str, cards: *const *const zoo_algorithm_info_v1) -> zoo_plugin_v1 {
        zoo_plugin_v1 {
            size: std::mem::size_of::<zoo_plugin_v1>() as u32,
            flags: 0,
            abi_version: ABI_VERSION,
            reserved: 0,
            toolchain: literal(toolchain),
            algorithms: cards,
            n_algorithms: 1,
            create: Some(create::<A>),
            get_extension: None,
        }
    }
}

/// The table that the host holds, and the algorithm behind it.
struct Instance<A> {
    table: zoo_algorithm_v1,
    host: *const zoo_host_v1,
    algorithm: A,
}

/// # Safety
/// Called by a host, as `zoo_plugin_v1.create`.
pub unsafe extern "C" fn create<A: Algorithm>(
    id: zoo_str, host: *const zoo_host_v1, _json: zoo_str, out: *mut *mut zoo_algorithm_v1, error: *mut zoo_error,
) -> i32 {
    *out = std::ptr::null_mut();
    guard(error, || {
        let known = text(A::INFO.id);
        let is_own = id.len == known.len
            && std::slice::from_raw_parts(id.ptr.cast::<u8>(), id.len as usize) == A::INFO.id.as_bytes();
        if !is_own {
            return Err(Error::new(NOT_FOUND, format!("this plugin has one algorithm: '{}'", A::INFO.id)));
        }
        let needed = std::mem::offset_of!(zoo_host_v1, release) + 8;
        if host.is_null() || ((*host).size as usize) < needed || (*host).release.is_none() || (*host).get_extension.is_none() {
            return Err(Error::invalid("the host's table is too short: it needs get_extension and release"));
        }
        let algorithm = A::create(&Parameters { host: Host { table: &*host } })?;
        let instance = Box::into_raw(Box::new(Instance {
            table: zoo_algorithm_v1 {
                size: size::<zoo_algorithm_v1>(),
                flags: 0,
                this: std::ptr::null_mut(),
                step: Some(step::<A>),
                save: Some(save::<A>),
                load: Some(load::<A>),
                get_extension: Some(no_extension),
                destroy: Some(destroy::<A>),
            },
            host,
            algorithm,
        }));
        (*instance).table.this = instance.cast();
        *out = std::ptr::addr_of_mut!((*instance).table);
        Ok(())
    })
}

unsafe extern "C" fn step<A: Algorithm>(this: *mut c_void, error: *mut zoo_error) -> i32 {
    let instance = &mut *this.cast::<Instance<A>>();
    guard(error, || instance.algorithm.step(&Host { table: &*instance.host }))
}

unsafe extern "C" fn save<A: Algorithm>(
    this: *mut c_void, sink: Option<zoo_sink_fn>, context: *mut c_void, error: *mut zoo_error,
) -> i32 {
    let (mut bytes, instance) = (Vec::new(), &*this.cast::<Instance<A>>());
    let status = guard(error, || {
        bytes = instance.algorithm.save();
        Ok(())
    });
    match sink {
        Some(sink) if status == OK => sink(context, bytes.as_ptr(), bytes.len() as u64, error),
        _ => status,
    }
}

unsafe extern "C" fn load<A: Algorithm>(this: *mut c_void, bytes: *const u8, n: u64, error: *mut zoo_error) -> i32 {
    let instance = &mut *this.cast::<Instance<A>>();
    let bytes = if n == 0 { &[] } else { std::slice::from_raw_parts(bytes, n as usize) };
    guard(error, || instance.algorithm.load(bytes))
}

unsafe extern "C" fn no_extension(_this: *mut c_void, _id: *const c_char) -> *const c_void {
    std::ptr::null()
}

unsafe extern "C" fn destroy<A: Algorithm>(this: *mut c_void) {
    // A panic of a destructor has nowhere to go.
    let _ = std::panic::catch_unwind(|| drop(Box::from_raw(this.cast::<Instance<A>>())));
}

/// Exports an [`Algorithm`] as the library's own.
#[macro_export]
macro_rules! plugin {
    ($algorithm:ty) => {
        #[no_mangle]
        pub extern "C" fn zoo_plugin_entry_v1() -> *const $crate::raw::zoo_plugin_v1 {
            struct Cards([*const $crate::raw::zoo_algorithm_info_v1; 1]);
            unsafe impl Sync for Cards {}
            static CARD: $crate::raw::zoo_algorithm_info_v1 = $crate::info::<$algorithm>();
            static CARDS: Cards = Cards([&CARD]);
            static PLUGIN: $crate::raw::zoo_plugin_v1 =
                $crate::Exported::<$algorithm>::plugin("rustc", &CARDS.0 as *const _ as *const *const _);
            &PLUGIN
        }
    };
}
