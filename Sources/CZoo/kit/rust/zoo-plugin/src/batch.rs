use crate::error::{Error, Result};
use crate::raw::{self, zoo_array, zoo_batch, zoo_host_v1, zoo_str};
use std::marker::PhantomData;
use std::ops::{Deref, Range};

pub(crate) fn text(value: &str) -> zoo_str {
    zoo_str { ptr: value.as_ptr().cast(), len: value.len() as u64 }
}

unsafe fn slice<'a, T>(pointer: *const T, count: u64) -> &'a [T] {
    if count == 0 || pointer.is_null() {
        return &[];
    }
    std::slice::from_raw_parts(pointer, count as usize)
}

pub(crate) unsafe fn find<'a, T>(
    arrays: *const *const zoo_array, n: u64, name: &str, dtype: u32, rows: u64,
) -> Result<&'a [T]> {
    for &array in slice(arrays, n) {
        let array = &*array;
        if slice(array.name.ptr.cast::<u8>(), array.name.len) != name.as_bytes() {
            continue;
        }
        let bytes = rows * std::mem::size_of::<T>() as u64;
        if array.dtype != dtype || array.nbytes != bytes {
            let found = format!("dtype {} and {} bytes", array.dtype, array.nbytes);
            return Err(Error::invalid(format!("'{name}' has {found}; expected dtype {dtype} and {bytes}")));
        }
        return Ok(slice(array.data.cast::<T>(), rows));
    }
    Err(Error::new(raw::NOT_FOUND, format!("there is no array '{name}'")))
}

/// Ragged sequences of steps with named columns.
pub struct View {
    pub(crate) pointer: *const zoo_batch,
}

impl View {
    fn raw(&self) -> &zoo_batch {
        unsafe { &*self.pointer }
    }

    /// The number of sequences.
    pub fn len(&self) -> usize {
        self.raw().n_sequences as usize
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn step_count(&self) -> usize {
        self.raw().n_steps as usize
    }

    /// The steps of a sequence.
    pub fn steps_of(&self, sequence: usize) -> Range<usize> {
        let offsets = unsafe { slice(self.raw().offsets, self.raw().n_sequences + 1) };
        offsets[sequence] as usize..offsets[sequence + 1] as usize
    }

    /// Whether a step is an action of the policy.
    pub fn is_action(&self, step: usize) -> bool {
        let mask = unsafe { slice(self.raw().mask, self.raw().n_steps) };
        mask[step] & raw::ACTION != 0
    }

    /// The steps of a sequence that are actions.
    pub fn actions_of(&self, sequence: usize) -> impl Iterator<Item = usize> + '_ {
        self.steps_of(sequence).filter(|&step| self.is_action(step))
    }

    pub fn action_count(&self) -> usize {
        (0..self.step_count()).filter(|&step| self.is_action(step)).count()
    }

    /// A column of numbers, one per step.
    pub fn steps(&self, name: &str) -> Result<&[f64]> {
        unsafe { find(self.raw().columns, self.raw().n_columns, name, raw::F64, self.raw().n_steps) }
    }

    /// A column of numbers, one per sequence.
    pub fn sequences(&self, name: &str) -> Result<&[f64]> {
        unsafe { find(self.raw().columns, self.raw().n_columns, name, raw::F64, self.raw().n_sequences) }
    }

    /// A column of integers, one per sequence: `group`, `pair`, `row`.
    pub fn integers(&self, name: &str) -> Result<&[i64]> {
        unsafe { find(self.raw().columns, self.raw().n_columns, name, raw::I64, self.raw().n_sequences) }
    }

    /// A column of flags, one per sequence: `chosen`, `finished`, `label`.
    pub fn flags(&self, name: &str) -> Result<&[u8]> {
        unsafe { find(self.raw().columns, self.raw().n_columns, name, raw::U8, self.raw().n_sequences) }
    }

    /// The sequences of each pair: the chosen one and the rejected one.
    pub fn pairs(&self) -> Result<Vec<(usize, usize)>> {
        let (pair, chosen) = (self.integers("pair")?, self.flags("chosen")?);
        let mut halves = std::collections::HashMap::new();
        let mut pairs = Vec::new();
        for index in 0..self.len() {
            match halves.remove(&pair[index]) {
                None => drop(halves.insert(pair[index], index)),
                Some(other) if (chosen[other] != 0) == (chosen[index] != 0) => {
                    return Err(Error::invalid(format!("pair {} has two sequences of one kind", pair[index])));
                }
                Some(other) => pairs.push(if chosen[index] != 0 { (index, other) } else { (other, index) }),
            }
        }
        match halves.keys().next() {
            Some(pair) => Err(Error::invalid(format!("pair {pair} has a sequence without its other half"))),
            None => Ok(pairs),
        }
    }

    /// This batch with a column of numbers set, one per sequence.
    pub fn with_sequences(&self, name: &'static str, values: Vec<f64>) -> Extended<'_> {
        Extended::new(self, name, 0, self.len(), values)
    }

    /// This batch with a column of numbers set, one per step.
    pub fn with_steps(&self, name: &'static str, values: Vec<f64>) -> Extended<'_> {
        Extended::new(self, name, raw::PER_STEP, self.step_count(), values)
    }
}

/// A batch that the host handed out; dropping it gives it back.
pub struct Batch<'host> {
    view: View,
    host: &'host zoo_host_v1,
}

impl<'host> Batch<'host> {
    pub(crate) fn new(pointer: *const zoo_batch, host: &'host zoo_host_v1) -> Self {
        Batch { view: View { pointer }, host }
    }
}

impl Deref for Batch<'_> {
    type Target = View;
    fn deref(&self) -> &View {
        &self.view
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if let Some(release) = self.host.release {
            unsafe { release(self.host.ctx, self.view.pointer.cast()) }
        }
    }
}

/// A batch of the plugin's own: another one's arrays, and one more.
pub struct Extended<'batch> {
    view: View,
    parts: Box<Parts>,
    of: PhantomData<&'batch View>,
}

struct Parts {
    batch: zoo_batch,
    array: zoo_array,
    columns: Vec<*const zoo_array>,
    values: Vec<f64>,
}

impl<'batch> Extended<'batch> {
    fn new(view: &'batch View, name: &'static str, flags: u32, rows: usize, values: Vec<f64>) -> Self {
        assert_eq!(values.len(), rows, "the column '{name}' has another number of rows than the batch");
        // What the batch's maker did not know stays zero.
        let mut batch: zoo_batch = unsafe { std::mem::zeroed() };
        let size = (view.raw().size as usize).min(std::mem::size_of::<zoo_batch>());
        unsafe { std::ptr::copy_nonoverlapping(view.pointer.cast::<u8>(), std::ptr::addr_of_mut!(batch).cast::<u8>(), size) };
        batch.size = size as u32;
        let array = zoo_array {
            size: std::mem::size_of::<zoo_array>() as u32,
            flags,
            name: text(name),
            dtype: raw::F64,
            rank: 1,
            shape: [rows as u64, 1, 1, 1],
            data: std::ptr::null_mut(),
            nbytes: rows as u64 * 8,
        };
        let kept = unsafe { slice(view.raw().columns, view.raw().n_columns) }.iter().copied();
        let columns = kept.filter(|&column| unsafe { slice((*column).name.ptr.cast::<u8>(), (*column).name.len) } != name.as_bytes());
        let columns = columns.collect();
        let mut parts = Box::new(Parts { batch, array, columns, values });
        parts.array.data = parts.values.as_mut_ptr().cast();
        let array: *const zoo_array = &parts.array;
        parts.columns.push(array);
        parts.batch.columns = parts.columns.as_ptr();
        parts.batch.n_columns = parts.columns.len() as u64;
        Extended { view: View { pointer: &parts.batch }, parts, of: PhantomData }
    }

    /// The column that was set.
    pub fn values(&self) -> &[f64] {
        &self.parts.values
    }
}

impl Deref for Extended<'_> {
    type Target = View;
    fn deref(&self) -> &View {
        &self.view
    }
}
