//! The declarations of zoo/zoo.h, version 1.0. The headers say what each field and function means.
#![allow(non_camel_case_types)]

use core::ffi::{c_char, c_void};

pub const ABI_VERSION: u32 = 1 << 16;

pub const OK: i32 = 0;
pub const CANCELLED: i32 = 1;
pub const UNKNOWN: i32 = 2;
pub const INVALID_ARGUMENT: i32 = 3;
pub const NOT_FOUND: i32 = 5;
pub const RESOURCE_EXHAUSTED: i32 = 8;
pub const FAILED_PRECONDITION: i32 = 9;
pub const INTERNAL: i32 = 13;
pub const UNAVAILABLE: i32 = 14;
pub const DATA_LOSS: i32 = 15;

pub const F64: u32 = 2;
pub const I64: u32 = 4;
pub const U8: u32 = 5;
pub const PER_STEP: u32 = 1;
pub const ACTION: u8 = 1;

pub const LOSS_SEPARABLE: u32 = 0;
pub const LOSS_GROUPED: u32 = 1;
pub const LOSS_WHOLE: u32 = 2;
pub const LOSS_STOP_GRADIENT: u32 = 256;

pub const METRIC_MEAN: i32 = 1;
pub const METRIC_SUM: i32 = 2;
pub const METRIC_MIN: i32 = 3;
pub const METRIC_MAX: i32 = 4;
pub const METRIC_LAST: i32 = 5;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct zoo_str {
    pub ptr: *const c_char,
    pub len: u64,
}

#[repr(C)]
pub struct zoo_error {
    pub size: u32,
    pub flags: u32,
    pub code: i32,
    pub len: u32,
    pub msg: [u8; 496],
}

#[repr(C)]
pub struct zoo_array {
    pub size: u32,
    pub flags: u32,
    pub name: zoo_str,
    pub dtype: u32,
    pub rank: u32,
    pub shape: [u64; 4],
    pub data: *mut c_void,
    pub nbytes: u64,
}

#[repr(C)]
pub struct zoo_list {
    pub size: u32,
    pub flags: u32,
    pub n: u64,
    pub arrays: *const *const zoo_array,
}

#[repr(C)]
pub struct zoo_batch {
    pub size: u32,
    pub flags: u32,
    pub n_sequences: u64,
    pub n_steps: u64,
    pub offsets: *const u64,
    pub tokens: *const i32,
    pub mask: *const u8,
    pub columns: *const *const zoo_array,
    pub n_columns: u64,
}

#[repr(C)]
pub struct zoo_rows_args {
    pub size: u32,
    pub flags: u32,
    pub n: u64,
}

pub type Rows = unsafe extern "C" fn(*mut c_void, *const zoo_rows_args, *mut *const zoo_batch, *mut zoo_error) -> i32;

#[repr(C)]
pub struct zoo_data_v1 {
    pub size: u32,
    pub flags: u32,
    pub ctx: *mut c_void,
    pub prompts: Option<Rows>,
    pub pairs: Option<Rows>,
    pub examples: Option<Rows>,
}

#[repr(C)]
pub struct zoo_generate_args {
    pub size: u32,
    pub flags: u32,
    pub role: zoo_str,
    pub prompts: *const zoo_batch,
    pub samples: u64,
}

#[repr(C)]
pub struct zoo_rollout_v1 {
    pub size: u32,
    pub flags: u32,
    pub ctx: *mut c_void,
    pub generate:
        Option<unsafe extern "C" fn(*mut c_void, *const zoo_generate_args, *mut *const zoo_batch, *mut zoo_error) -> i32>,
}

#[repr(C)]
pub struct zoo_score_args {
    pub size: u32,
    pub flags: u32,
    pub rollout: *const zoo_batch,
}

#[repr(C)]
pub struct zoo_reward_v1 {
    pub size: u32,
    pub flags: u32,
    pub ctx: *mut c_void,
    pub score: Option<unsafe extern "C" fn(*mut c_void, *const zoo_score_args, *mut *const zoo_list, *mut zoo_error) -> i32>,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct zoo_output_info {
    pub size: u32,
    pub flags: u32,
    pub per_step: u32,
    pub reduction: u32,
    pub dimensions: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct zoo_step_info {
    pub size: u32,
    pub flags: u32,
    pub gradient_norm: f64,
    pub learning_rate: f64,
    pub policy_version: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct zoo_loss_info {
    pub size: u32,
    pub flags: u32,
    pub loss: f64,
}

#[repr(C)]
pub struct zoo_loss_call {
    pub size: u32,
    pub flags: u32,
    pub slice: *const zoo_batch,
    pub outputs: *const *const zoo_array,
    pub gradients: *const *mut zoo_array,
    pub n_outputs: u64,
    pub loss: f64,
}

pub type zoo_loss_fn = unsafe extern "C" fn(*mut c_void, *mut zoo_loss_call, *mut zoo_error) -> i32;

#[repr(C)]
pub struct zoo_forward_args {
    pub size: u32,
    pub flags: u32,
    pub role: zoo_str,
    pub batch: *const zoo_batch,
    pub want: *const zoo_str,
    pub n_want: u64,
}

#[repr(C)]
pub struct zoo_accumulate_args {
    pub size: u32,
    pub flags: u32,
    pub role: zoo_str,
    pub batch: *const zoo_batch,
    pub want: *const zoo_str,
    pub n_want: u64,
    pub loss: Option<zoo_loss_fn>,
    pub loss_ctx: *mut c_void,
}

#[repr(C)]
pub struct zoo_update_args {
    pub size: u32,
    pub flags: u32,
    pub role: zoo_str,
}

#[repr(C)]
pub struct zoo_model_v1 {
    pub size: u32,
    pub flags: u32,
    pub ctx: *mut c_void,
    pub supports: Option<unsafe extern "C" fn(*mut c_void, zoo_str, zoo_str, *mut zoo_output_info, *mut zoo_error) -> i32>,
    pub forward: Option<unsafe extern "C" fn(*mut c_void, *const zoo_forward_args, *mut *const zoo_list, *mut zoo_error) -> i32>,
    pub accumulate:
        Option<unsafe extern "C" fn(*mut c_void, *const zoo_accumulate_args, *mut zoo_loss_info, *mut zoo_error) -> i32>,
    pub optimizer_step:
        Option<unsafe extern "C" fn(*mut c_void, *const zoo_update_args, *mut zoo_step_info, *mut zoo_error) -> i32>,
    pub blend: Option<unsafe extern "C" fn(*mut c_void, zoo_str, zoo_str, f64, *mut zoo_error) -> i32>,
    pub discard: Option<unsafe extern "C" fn(*mut c_void, zoo_str, *mut zoo_error) -> i32>,
}

#[repr(C)]
pub struct zoo_log_v1 {
    pub size: u32,
    pub flags: u32,
    pub ctx: *mut c_void,
    pub metric: Option<unsafe extern "C" fn(*mut c_void, zoo_str, f64, f64, i32, *mut zoo_error) -> i32>,
}

#[repr(C)]
pub struct zoo_rng_v1 {
    pub size: u32,
    pub flags: u32,
    pub ctx: *mut c_void,
    pub fill: Option<unsafe extern "C" fn(*mut c_void, *mut u64, u64, *mut zoo_error) -> i32>,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct zoo_run_info {
    pub size: u32,
    pub flags: u32,
    pub progress: f64,
    pub iteration: u64,
    pub seed: u64,
}

#[repr(C)]
pub struct zoo_run_v1 {
    pub size: u32,
    pub flags: u32,
    pub ctx: *mut c_void,
    pub info: Option<unsafe extern "C" fn(*mut c_void, *mut zoo_run_info, *mut zoo_error) -> i32>,
}

#[repr(C)]
pub struct zoo_parameters_v1 {
    pub size: u32,
    pub flags: u32,
    pub ctx: *mut c_void,
    pub number: Option<unsafe extern "C" fn(*mut c_void, zoo_str, *mut f64, *mut zoo_error) -> i32>,
    pub integer: Option<unsafe extern "C" fn(*mut c_void, zoo_str, *mut i64, *mut zoo_error) -> i32>,
    pub boolean: Option<unsafe extern "C" fn(*mut c_void, zoo_str, *mut i32, *mut zoo_error) -> i32>,
    pub string: Option<unsafe extern "C" fn(*mut c_void, zoo_str, *mut zoo_str, *mut zoo_error) -> i32>,
    pub list: Option<unsafe extern "C" fn(*mut c_void, zoo_str, *mut *const zoo_array, *mut zoo_error) -> i32>,
}

#[repr(C)]
pub struct zoo_host_v1 {
    pub size: u32,
    pub flags: u32,
    pub abi_version: u32,
    pub reserved: u32,
    pub ctx: *mut c_void,
    pub get_extension: Option<unsafe extern "C" fn(*mut c_void, *const c_char) -> *const c_void>,
    pub log: Option<unsafe extern "C" fn(*mut c_void, i32, zoo_str)>,
    pub cancelled: Option<unsafe extern "C" fn(*mut c_void) -> i32>,
    pub release: Option<unsafe extern "C" fn(*mut c_void, *const c_void)>,
}

pub type zoo_sink_fn = unsafe extern "C" fn(*mut c_void, *const u8, u64, *mut zoo_error) -> i32;

#[repr(C)]
pub struct zoo_algorithm_v1 {
    pub size: u32,
    pub flags: u32,
    pub this: *mut c_void, // `self` in C
    pub step: Option<unsafe extern "C" fn(*mut c_void, *mut zoo_error) -> i32>,
    pub save: Option<unsafe extern "C" fn(*mut c_void, Option<zoo_sink_fn>, *mut c_void, *mut zoo_error) -> i32>,
    pub load: Option<unsafe extern "C" fn(*mut c_void, *const u8, u64, *mut zoo_error) -> i32>,
    pub get_extension: Option<unsafe extern "C" fn(*mut c_void, *const c_char) -> *const c_void>,
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
}

#[repr(C)]
pub struct zoo_algorithm_info_v1 {
    pub size: u32,
    pub flags: u32,
    pub id: zoo_str,
    pub title: zoo_str,
    pub summary: zoo_str,
    pub paper: zoo_str,
    pub parameters: zoo_str,
    pub needs: zoo_str,
    pub presets: zoo_str,
}

pub type Create =
    unsafe extern "C" fn(zoo_str, *const zoo_host_v1, zoo_str, *mut *mut zoo_algorithm_v1, *mut zoo_error) -> i32;

#[repr(C)]
pub struct zoo_plugin_v1 {
    pub size: u32,
    pub flags: u32,
    pub abi_version: u32,
    pub reserved: u32,
    pub toolchain: zoo_str,
    pub algorithms: *const *const zoo_algorithm_info_v1,
    pub n_algorithms: u64,
    pub create: Option<Create>,
    pub get_extension: Option<unsafe extern "C" fn(*const c_char) -> *const c_void>,
}

// Static data of the plugin, which is never written.
unsafe impl Sync for zoo_algorithm_info_v1 {}
unsafe impl Sync for zoo_plugin_v1 {}
