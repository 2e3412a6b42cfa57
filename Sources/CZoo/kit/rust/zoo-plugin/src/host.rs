use crate::batch::{find, text, Batch, View};
use crate::error::{guard, Error, Result};
use crate::raw::*;
use std::ffi::{c_void, CStr};

/// How the host may cut a batch before it calls the loss.
#[derive(Clone, Copy)]
pub enum Cut {
    /// Any subset of whole sequences: losses and gradients of the parts add up.
    Separable,
    /// Sequences with the same `group` or `pair` stay together.
    Grouped,
    /// One call on the whole batch.
    Whole,
}

/// How several values of one metric within one iteration become one.
#[derive(Clone, Copy)]
pub enum Normaliser {
    Mean = 1,
    Sum,
    Min,
    Max,
    Last,
}

/// What an update did.
#[derive(Debug, Clone, Copy)]
pub struct Update {
    pub gradient_norm: f64,
    pub learning_rate: f64,
    pub policy_version: u64,
}

/// One call of a loss: a slice of the batch, its outputs, and where their gradients go.
pub struct Loss<'call> {
    pub slice: View,
    call: &'call zoo_loss_call,
}

impl<'call> Loss<'call> {
    /// A wanted output, per step or per sequence. [rows of the slice]
    pub fn output(&self, name: &str) -> Result<&'call [f64]> {
        unsafe { find(self.call.outputs, self.call.n_outputs, name, F64, self.rows(name)?) }
    }

    /// Where the gradient of an output is written; zeros at first.
    pub fn gradient(&mut self, name: &str) -> Result<&'call mut [f64]> {
        let rows = self.rows(name)?;
        let found: &[f64] = unsafe { find(self.call.gradients.cast(), self.call.n_outputs, name, F64, rows)? };
        // The host's memory, lent for writing; no other reference to it exists, for `self` is borrowed mutably.
        Ok(unsafe { std::slice::from_raw_parts_mut(found.as_ptr().cast_mut(), found.len()) })
    }

    fn rows(&self, name: &str) -> Result<u64> {
        for index in 0..self.call.n_outputs as usize {
            let array = unsafe { &**self.call.outputs.add(index) };
            let found = unsafe { std::slice::from_raw_parts(array.name.ptr.cast::<u8>(), array.name.len as usize) };
            if found == name.as_bytes() {
                return Ok(array.nbytes / 8);
            }
        }
        Err(Error::new(NOT_FOUND, format!("the output '{name}' was not asked for")))
    }
}

macro_rules! service {
    ($host:expr, $id:literal, $type:ident, $function:ident) => {{
        let table: *const $type = $host.extension(concat!($id, "\0"));
        let end = std::mem::offset_of!($type, $function) + 8;
        let known = unsafe { !table.is_null() && (*table).size as usize >= end };
        let function = if known { unsafe { (*table).$function } } else { None };
        let absent = || Error::new(UNAVAILABLE, concat!("this host lacks ", $id, " ", stringify!($function)));
        let function = function.ok_or_else(absent)?;
        (unsafe { (*table).ctx }, function)
    }};
}

/// The host, within one call into the algorithm.
pub struct Host<'step> {
    pub(crate) table: &'step zoo_host_v1,
}

impl<'step> Host<'step> {
    fn extension<T>(&self, id: &str) -> *const T {
        let Ok(id) = CStr::from_bytes_with_nul(id.as_bytes()) else { return std::ptr::null() };
        match self.table.get_extension {
            Some(get) => unsafe { get(self.table.ctx, id.as_ptr()).cast() },
            None => std::ptr::null(),
        }
    }

    fn rows(&self, rows: Rows, context: *mut c_void, n: u64) -> Result<Batch<'step>> {
        let args = zoo_rows_args { size: size::<zoo_rows_args>(), flags: 0, n };
        self.batch("the data", |out, error| unsafe { rows(context, &args, out, error) })
    }

    fn batch(&self, what: &str, call: impl FnOnce(*mut *const zoo_batch, *mut zoo_error) -> i32) -> Result<Batch<'step>> {
        let (mut out, mut error) = (std::ptr::null(), Error::empty());
        Error::check(call(&mut out, &mut error), &error)?;
        let batch = Batch::new(out, self.table);
        if batch.is_empty() {
            return Err(Error::invalid(format!("{what} gave no sequence")));
        }
        Ok(batch)
    }

    fn list(
        &self, name: &str, rows: usize, call: impl FnOnce(*mut *const zoo_list, *mut zoo_error) -> i32,
    ) -> Result<Vec<f64>> {
        let (mut out, mut error) = (std::ptr::null::<zoo_list>(), Error::empty());
        Error::check(call(&mut out, &mut error), &error)?;
        let found = unsafe { find::<f64>((*out).arrays, (*out).n, name, F64, rows as u64).map(<[f64]>::to_vec) };
        if let Some(release) = self.table.release {
            unsafe { release(self.table.ctx, out.cast()) }
        }
        let values = found?;
        match values.iter().all(|value| value.is_finite()) {
            true => Ok(values),
            false => Err(Error::data_loss(format!("'{name}' is not finite"))),
        }
    }

    /// The next `n` prompts of the recipe's data.
    pub fn prompts(&self, n: u64) -> Result<Batch<'step>> {
        let (context, function) = service!(self, "zoo.data/1", zoo_data_v1, prompts);
        self.rows(function, context, n)
    }

    /// The next `n` preference pairs: 2n sequences.
    pub fn pairs(&self, n: u64) -> Result<Batch<'step>> {
        let (context, function) = service!(self, "zoo.data/1", zoo_data_v1, pairs);
        self.rows(function, context, n)
    }

    /// The next `n` supervised examples.
    pub fn examples(&self, n: u64) -> Result<Batch<'step>> {
        let (context, function) = service!(self, "zoo.data/1", zoo_data_v1, examples);
        self.rows(function, context, n)
    }

    /// `samples` sequences for each prompt, drawn by `role`.
    pub fn generate(&self, role: &str, prompts: &View, samples: u64) -> Result<Batch<'step>> {
        let (context, function) = service!(self, "zoo.rollout/1", zoo_rollout_v1, generate);
        let args = zoo_generate_args {
            size: size::<zoo_generate_args>(),
            flags: 0,
            role: text(role),
            prompts: prompts.pointer,
            samples,
        };
        self.batch("the rollout", |out, error| unsafe { function(context, &args, out, error) })
    }

    /// The rewards of a rollout, [n]: "reward", or "reward/NAME".
    pub fn rewards(&self, rollout: &View, name: &str) -> Result<Vec<f64>> {
        let (context, function) = service!(self, "zoo.reward/1", zoo_reward_v1, score);
        let args = zoo_score_args { size: size::<zoo_score_args>(), flags: 0, rollout: rollout.pointer };
        self.list(name, rollout.len(), |out, error| unsafe { function(context, &args, out, error) })
    }

    /// An output of `role` without gradient, one number per step: "logp", "entropy", "value".
    pub fn forward_steps(&self, role: &str, batch: &View, output: &str) -> Result<Vec<f64>> {
        self.forward(role, batch, output, batch.step_count())
    }

    /// An output of `role` without gradient, one number per sequence: "score".
    pub fn forward_sequences(&self, role: &str, batch: &View, output: &str) -> Result<Vec<f64>> {
        self.forward(role, batch, output, batch.len())
    }

    fn forward(&self, role: &str, batch: &View, output: &str, rows: usize) -> Result<Vec<f64>> {
        let (context, function) = service!(self, "zoo.model/1", zoo_model_v1, forward);
        let want = text(output);
        let args = zoo_forward_args {
            size: size::<zoo_forward_args>(),
            flags: 0,
            role: text(role),
            batch: batch.pointer,
            want: &want,
            n_want: 1,
        };
        self.list(output, rows, |out, error| unsafe { function(context, &args, out, error) })
    }

    /// Adds to the gradient of `role`; returns the loss. `loss` returns that of a slice and writes dLoss/d(output) of the whole
    /// update's loss; it is a pure function, called on slices of the host's choice within `cut`.
    pub fn accumulate<F>(&self, role: &str, batch: &View, want: &[&str], cut: Cut, mut loss: F) -> Result<f64>
    where
        F: FnMut(&mut Loss) -> Result<f64>,
    {
        let (context, function) = service!(self, "zoo.model/1", zoo_model_v1, accumulate);
        let names: Vec<zoo_str> = want.iter().map(|name| text(name)).collect();
        let args = zoo_accumulate_args {
            size: size::<zoo_accumulate_args>(),
            flags: cut as u32,
            role: text(role),
            batch: batch.pointer,
            want: names.as_ptr(),
            n_want: names.len() as u64,
            loss: Some(call_loss::<F>),
            loss_ctx: std::ptr::addr_of_mut!(loss).cast(),
        };
        let mut info = zoo_loss_info { size: size::<zoo_loss_info>(), ..Default::default() };
        let mut error = Error::empty();
        Error::check(unsafe { function(context, &args, &mut info, &mut error) }, &error)?;
        Ok(info.loss)
    }

    /// Applies the gradient of `role`.
    pub fn update(&self, role: &str) -> Result<Update> {
        let (context, function) = service!(self, "zoo.model/1", zoo_model_v1, optimizer_step);
        let args = zoo_update_args { size: size::<zoo_update_args>(), flags: 0, role: text(role) };
        let mut info = zoo_step_info { size: size::<zoo_step_info>(), ..Default::default() };
        let mut error = Error::empty();
        Error::check(unsafe { function(context, &args, &mut info, &mut error) }, &error)?;
        Ok(Update {
            gradient_norm: info.gradient_norm,
            learning_rate: info.learning_rate,
            policy_version: info.policy_version,
        })
    }

    /// A value of a metric of this iteration; `weight` is the number of things that it is a mean over.
    pub fn log(&self, name: &str, value: f64, weight: f64, normaliser: Normaliser) -> Result<()> {
        let (context, function) = service!(self, "zoo.log/1", zoo_log_v1, metric);
        let mut error = Error::empty();
        Error::check(unsafe { function(context, text(name), value, weight, normaliser as i32, &mut error) }, &error)
    }

    /// A metric that is a mean over `count` things.
    pub fn log_mean(&self, name: &str, value: f64, count: usize) -> Result<()> {
        self.log(name, value, count as f64, Normaliser::Mean)
    }

    /// The gradient's norm and the learning rate of an update.
    pub fn log_update(&self, update: Update) -> Result<()> {
        self.log_mean("grad_norm", update.gradient_norm, 1)?;
        self.log("lr", update.learning_rate, 1.0, Normaliser::Last)
    }

    /// Random numbers of the run's own generator, which the host checkpoints.
    pub fn random(&self, count: usize) -> Result<Vec<u64>> {
        let (context, function) = service!(self, "zoo.rng/1", zoo_rng_v1, fill);
        let (mut values, mut error) = (vec![0; count], Error::empty());
        Error::check(unsafe { function(context, values.as_mut_ptr(), count as u64, &mut error) }, &error)?;
        Ok(values)
    }

    /// The share of the budget that is spent, in [0, 1].
    pub fn progress(&self) -> Result<f64> {
        let (context, function) = service!(self, "zoo.run/1", zoo_run_v1, info);
        let mut info = zoo_run_info { size: size::<zoo_run_info>(), ..Default::default() };
        let mut error = Error::empty();
        Error::check(unsafe { function(context, &mut info, &mut error) }, &error)?;
        Ok(info.progress)
    }

    /// An error with the status for it, once the host asks to stop.
    pub fn check_cancelled(&self) -> Result<()> {
        let cancelled = self.table.cancelled.map_or(0, |cancelled| unsafe { cancelled(self.table.ctx) });
        if cancelled == 0 { Ok(()) } else { Err(Error::new(CANCELLED, "the run was asked to stop")) }
    }
}

unsafe extern "C" fn call_loss<F>(context: *mut c_void, call: *mut zoo_loss_call, error: *mut zoo_error) -> i32
where
    F: FnMut(&mut Loss) -> Result<f64>,
{
    guard(error, || {
        let body = unsafe { &mut *context.cast::<F>() };
        let mut loss = unsafe { Loss { slice: View { pointer: (*call).slice }, call: &*call } };
        let value = body(&mut loss)?;
        if !value.is_finite() {
            return Err(Error::data_loss("the loss is not finite"));
        }
        unsafe { (*call).loss = value };
        Ok(())
    })
}

pub(crate) fn size<T>() -> u32 {
    std::mem::size_of::<T>() as u32
}

/// The parameters of the recipe, over the schema's defaults, checked by the host.
pub struct Parameters<'create> {
    pub(crate) host: Host<'create>,
}

macro_rules! read {
    ($self:expr, $name:expr, $function:ident, $start:expr) => {{
        let (context, function) = service!($self.host, "zoo.parameters/1", zoo_parameters_v1, $function);
        let (mut value, mut error) = ($start, Error::empty());
        Error::check(unsafe { function(context, text($name), &mut value, &mut error) }, &error)?;
        value
    }};
}

impl Parameters<'_> {
    pub fn number(&self, name: &str) -> Result<f64> {
        Ok(read!(self, name, number, 0.0))
    }

    pub fn integer(&self, name: &str) -> Result<i64> {
        Ok(read!(self, name, integer, 0))
    }

    /// An integer that counts something.
    pub fn count(&self, name: &str) -> Result<u64> {
        u64::try_from(self.integer(name)?).map_err(|_| Error::invalid(format!("parameter '{name}' is negative")))
    }

    pub fn boolean(&self, name: &str) -> Result<bool> {
        Ok(read!(self, name, boolean, 0) != 0)
    }

    pub fn string(&self, name: &str) -> Result<String> {
        let value = read!(self, name, string, text(""));
        let bytes = unsafe { std::slice::from_raw_parts(value.ptr.cast::<u8>(), value.len as usize) };
        Ok(String::from_utf8_lossy(if value.len == 0 { &[] } else { bytes }).into_owned())
    }
}
