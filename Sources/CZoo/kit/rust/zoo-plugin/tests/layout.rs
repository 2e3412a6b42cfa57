//! The layout of every struct, as it is pinned for version 1.0 of the contract.
use std::mem::{offset_of, size_of};
use zoo_plugin::raw::*;

macro_rules! layout {
    ($type:ident, $size:expr, $($field:ident = $offset:expr),+) => {
        $(assert_eq!(offset_of!($type, $field), $offset, concat!(stringify!($type), ".", stringify!($field)));)+
        assert_eq!(size_of::<$type>(), $size, stringify!($type));
    };
}

#[test]
fn layouts_are_those_of_the_released_headers() {
    layout!(zoo_str, 16, ptr = 0, len = 8);
    layout!(zoo_error, 512, size = 0, flags = 4, code = 8, len = 12, msg = 16);
    layout!(zoo_array, 80, size = 0, flags = 4, name = 8, dtype = 24, rank = 28, shape = 32, data = 64, nbytes = 72);
    layout!(zoo_list, 24, size = 0, flags = 4, n = 8, arrays = 16);
    layout!(zoo_batch, 64, size = 0, flags = 4, n_sequences = 8, n_steps = 16, offsets = 24, tokens = 32, mask = 40, columns = 48, n_columns = 56);
    layout!(zoo_rows_args, 16, size = 0, flags = 4, n = 8);
    layout!(zoo_data_v1, 40, size = 0, flags = 4, ctx = 8, prompts = 16, pairs = 24, examples = 32);
    layout!(zoo_log_v1, 24, size = 0, flags = 4, ctx = 8, metric = 16);
    layout!(zoo_output_info, 24, size = 0, flags = 4, per_step = 8, reduction = 12, dimensions = 16);
    layout!(zoo_step_info, 32, size = 0, flags = 4, gradient_norm = 8, learning_rate = 16, policy_version = 24);
    layout!(zoo_loss_info, 16, size = 0, flags = 4, loss = 8);
    layout!(zoo_loss_call, 48, size = 0, flags = 4, slice = 8, outputs = 16, gradients = 24, n_outputs = 32, loss = 40);
    layout!(zoo_forward_args, 48, size = 0, flags = 4, role = 8, batch = 24, want = 32, n_want = 40);
    layout!(zoo_accumulate_args, 64, size = 0, flags = 4, role = 8, batch = 24, want = 32, n_want = 40, loss = 48, loss_ctx = 56);
    layout!(zoo_update_args, 24, size = 0, flags = 4, role = 8);
    layout!(zoo_model_v1, 64, size = 0, flags = 4, ctx = 8, supports = 16, forward = 24, accumulate = 32, optimizer_step = 40, blend = 48, discard = 56);
    layout!(zoo_parameters_v1, 56, size = 0, flags = 4, ctx = 8, number = 16, integer = 24, boolean = 32, string = 40, list = 48);
    layout!(zoo_host_v1, 56, size = 0, flags = 4, abi_version = 8, reserved = 12, ctx = 16, get_extension = 24, log = 32, cancelled = 40, release = 48);
    layout!(zoo_algorithm_v1, 56, size = 0, flags = 4, this = 8, step = 16, save = 24, load = 32, get_extension = 40, destroy = 48);
    layout!(zoo_algorithm_info_v1, 120, size = 0, flags = 4, id = 8, title = 24, summary = 40, paper = 56, parameters = 72, needs = 88, presets = 104);
    layout!(zoo_plugin_v1, 64, size = 0, flags = 4, abi_version = 8, reserved = 12, toolchain = 16, algorithms = 32, n_algorithms = 40, create = 48, get_extension = 56);
    layout!(zoo_score_args, 16, size = 0, flags = 4, rollout = 8);
    layout!(zoo_reward_v1, 24, size = 0, flags = 4, ctx = 8, score = 16);
    layout!(zoo_rng_v1, 24, size = 0, flags = 4, ctx = 8, fill = 16);
    layout!(zoo_generate_args, 40, size = 0, flags = 4, role = 8, prompts = 24, samples = 32);
    layout!(zoo_rollout_v1, 24, size = 0, flags = 4, ctx = 8, generate = 16);
    layout!(zoo_run_info, 32, size = 0, flags = 4, progress = 8, iteration = 16, seed = 24);
    layout!(zoo_run_v1, 24, size = 0, flags = 4, ctx = 8, info = 16);
}
