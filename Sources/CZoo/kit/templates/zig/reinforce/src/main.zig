// REINFORCE with a moving-average baseline, the starting point of this plugin.
//
// Williams 1992, https://doi.org/10.1007/BF00992696.
//
//   R_s = reward_s - beta * sum_t (log pi(a_t) - log pi_ref(a_t))        return of sequence s
//   L   = -(1/S) sum_s (R_s - b) sum_t log pi(a_t)                          S sequences of the iteration
//   b  <- decay * b + (1 - decay) * mean R                                  after the iteration
const std = @import("std");
const zoo = @import("zoo");

const Method = struct {
    table: zoo.zoo_algorithm_v1,
    host: *const zoo.zoo_host_v1,
    prompts: u64,
    samples: u64,
    decay: f64,
    beta: f64,
    past: State,
};

/// Of past returns: their decayed sum, and the sum of the weights in it.
const State = extern struct { name: [8]u8 = "baseline".*, sum: f64 = 0, weight: f64 = 0 };

// Calls of the host -------------------------------------------------------------------------------------------------------

const Err = ?*zoo.zoo_error;

/// What ends a call into the plugin: the status, with the error already written.
const Failed = struct { status: i32 };

fn text(value: []const u8) zoo.zoo_str {
    return .{ .ptr = value.ptr, .len = value.len };
}

fn fail(err: Err, code: i32, message: []const u8) i32 {
    const e = err orelse return code;
    const head = @offsetOf(zoo.zoo_error, "msg");
    if (e.size <= head) return code;
    const n = @min(message.len, e.size - head, 496);
    const out: [*]u8 = @ptrCast(&e.msg);
    @memcpy(out[0..n], message[0..n]);
    e.len = @intCast(n);
    e.code = code;
    return code;
}

/// Everything that one step takes of the host, and gives back.
const Scope = struct {
    host: *const zoo.zoo_host_v1,
    err: Err,
    status: i32 = 0,
    held: [8]?*const anyopaque = @splat(null),
    count: usize = 0,

    fn stop(self: *Scope, code: i32, message: []const u8) error{Stopped} {
        self.status = fail(self.err, code, message);
        return error.Stopped;
    }

    fn check(self: *Scope, status: i32) error{Stopped}!void {
        self.status = status;
        if (status != zoo.ZOO_OK) return error.Stopped;
    }

    fn keep(self: *Scope, object: ?*const anyopaque) void {
        self.held[self.count] = object;
        self.count += 1;
    }

    fn end(self: *Scope) void {
        for (self.held[0..self.count]) |object| self.host.release.?(self.host.ctx, object);
    }

    /// The service, if its table reaches to the end of `function`.
    fn service(self: *Scope, comptime T: type, id: [*:0]const u8, comptime function: []const u8) error{Stopped}!*const T {
        const found: ?*const T = @ptrCast(@alignCast(self.host.get_extension.?(self.host.ctx, id)));
        const table = found orelse return self.stop(zoo.ZOO_UNAVAILABLE, "this host lacks a service that my-plugin needs");
        if (table.size < @offsetOf(T, function) + 8 or @field(table, function) == null)
            return self.stop(zoo.ZOO_UNAVAILABLE, "this host lacks a function that my-plugin needs");
        return table;
    }
};

/// The f64 array `name` of `rows` numbers.
fn find(arrays: anytype, n: u64, name: []const u8, rows: u64) ?[*]f64 {
    for (0..n) |i| {
        const array = arrays[i];
        if (!std.mem.eql(u8, array.*.name.ptr[0..array.*.name.len], name)) continue;
        if (array.*.dtype != zoo.ZOO_F64 or array.*.nbytes != rows * 8) return null;
        return @ptrCast(@alignCast(array.*.data));
    }
    return null;
}

fn args(comptime T: type) T {
    var made = std.mem.zeroes(T);
    made.size = @sizeOf(T);
    return made;
}

// The loss ----------------------------------------------------------------------------------------------------------------

/// Of a slice, with its gradient by log pi of each action. A pure function: the host may call it on any slice.
fn loss(context: ?*anyopaque, given: ?*zoo.zoo_loss_call, err: Err) callconv(.c) i32 {
    const sequences: *const f64 = @ptrCast(@alignCast(context.?));
    const call = given.?;
    const slice = call.slice;
    const logp = find(call.outputs, call.n_outputs, "logp", slice.*.n_steps) orelse
        return fail(err, zoo.ZOO_INTERNAL, "the slice lacks the output 'logp'");
    const gradient = find(call.gradients, call.n_outputs, "logp", slice.*.n_steps) orelse
        return fail(err, zoo.ZOO_INTERNAL, "the slice lacks the gradient of 'logp'");
    const advantage = find(slice.*.columns, slice.*.n_columns, "advantage", slice.*.n_sequences) orelse
        return fail(err, zoo.ZOO_INTERNAL, "the slice lacks the column 'advantage'");
    var sum: f64 = 0;
    for (0..slice.*.n_sequences) |s| {
        for (slice.*.offsets[s]..slice.*.offsets[s + 1]) |t| {
            if (slice.*.mask[t] & zoo.ZOO_ACTION == 0) continue;
            sum -= advantage[s] * logp[t] / sequences.*;
            gradient[t] = -advantage[s] / sequences.*;
        }
    }
    if (!std.math.isFinite(sum)) return fail(err, zoo.ZOO_DATA_LOSS, "the loss is not finite");
    call.loss = sum;
    return zoo.ZOO_OK;
}

// One iteration -----------------------------------------------------------------------------------------------------------

fn step(context: ?*anyopaque, err: Err) callconv(.c) i32 {
    const self: *Method = @ptrCast(@alignCast(context.?));
    var scope = Scope{ .host = self.host, .err = err };
    defer scope.end();
    iterate(self, &scope) catch |problem| switch (problem) {
        error.Stopped => return scope.status,
        error.OutOfMemory => return fail(err, zoo.ZOO_RESOURCE_EXHAUSTED, "no memory for the advantages"),
    };
    return zoo.ZOO_OK;
}

fn iterate(self: *Method, z: *Scope) error{ Stopped, OutOfMemory }!void {
    const data = try z.service(zoo.zoo_data_v1, zoo.ZOO_DATA_ID, "prompts");
    const rollouts = try z.service(zoo.zoo_rollout_v1, zoo.ZOO_ROLLOUT_ID, "generate");
    const rewards = try z.service(zoo.zoo_reward_v1, zoo.ZOO_REWARD_ID, "score");
    const model = try z.service(zoo.zoo_model_v1, zoo.ZOO_MODEL_ID, "optimizer_step");
    const log = try z.service(zoo.zoo_log_v1, zoo.ZOO_LOG_ID, "metric");
    const want = text("logp");

    var rows = args(zoo.zoo_rows_args);
    rows.n = self.prompts;
    var prompts: ?*const zoo.zoo_batch = null;
    try z.check(data.prompts.?(data.ctx, &rows, @ptrCast(&prompts), z.err));
    z.keep(prompts);

    var generate = args(zoo.zoo_generate_args);
    generate.role = text("policy");
    generate.prompts = prompts;
    generate.samples = self.samples;
    var made: ?*const zoo.zoo_batch = null;
    try z.check(rollouts.generate.?(rollouts.ctx, &generate, @ptrCast(&made), z.err));
    z.keep(made);
    const rollout = made.?;
    const n = rollout.n_sequences;
    if (n == 0) return z.stop(zoo.ZOO_INVALID_ARGUMENT, "the rollout has no sequence");

    var score = args(zoo.zoo_score_args);
    score.rollout = rollout;
    var scores: ?*const zoo.zoo_list = null;
    try z.check(rewards.score.?(rewards.ctx, &score, @ptrCast(&scores), z.err));
    z.keep(scores);
    const reward = find(scores.?.arrays, scores.?.n, "reward", n) orelse
        return z.stop(zoo.ZOO_INTERNAL, "the host gave no 'reward'");

    var forward = args(zoo.zoo_forward_args);
    forward.role = text("reference");
    forward.batch = rollout;
    forward.want = &want;
    forward.n_want = 1;
    var outputs: ?*const zoo.zoo_list = null;
    try z.check(model.forward.?(model.ctx, &forward, @ptrCast(&outputs), z.err));
    z.keep(outputs);
    const reference = find(outputs.?.arrays, outputs.?.n, "logp", rollout.n_steps) orelse
        return z.stop(zoo.ZOO_INTERNAL, "the host gave no 'logp'");
    const behaviour = find(rollout.columns, rollout.n_columns, "behaviour_logp", rollout.n_steps) orelse
        return z.stop(zoo.ZOO_INTERNAL, "the rollout has no 'behaviour_logp'");

    const advantage = try std.heap.c_allocator.alloc(f64, n);
    defer std.heap.c_allocator.free(advantage);
    const columns = try std.heap.c_allocator.alloc(?*const zoo.zoo_array, rollout.n_columns + 1);
    defer std.heap.c_allocator.free(columns);
    const baseline = if (self.past.weight > 0) self.past.sum / self.past.weight else 0;
    const count: f64 = @floatFromInt(n);
    var mean: f64 = 0;
    var mean_reward: f64 = 0;
    for (0..n) |s| {
        var kl: f64 = 0;
        for (rollout.offsets[s]..rollout.offsets[s + 1]) |t| {
            if (rollout.mask[t] & zoo.ZOO_ACTION != 0) kl += behaviour[t] - reference[t];
        }
        const value = reward[s] - self.beta * kl;
        if (!std.math.isFinite(value)) return z.stop(zoo.ZOO_DATA_LOSS, "a reward or a log-probability is not finite");
        mean += value / count;
        mean_reward += reward[s] / count;
        advantage[s] = value - baseline;
    }

    // The rollout with one more column; a host of this or a later version made all of a batch's fields of version 1.0.
    var batch = rollout.*;
    batch.size = @sizeOf(zoo.zoo_batch);
    var column = args(zoo.zoo_array);
    column.name = text("advantage");
    column.dtype = zoo.ZOO_F64;
    column.rank = 1;
    column.shape = .{ n, 1, 1, 1 };
    column.data = advantage.ptr;
    column.nbytes = n * 8;
    for (0..rollout.n_columns) |i| columns[i] = rollout.columns[i];
    columns[rollout.n_columns] = &column;
    batch.columns = @ptrCast(columns.ptr);
    batch.n_columns += 1;

    var sequences = count;
    var accumulate = args(zoo.zoo_accumulate_args);
    accumulate.flags = zoo.ZOO_LOSS_SEPARABLE;
    accumulate.role = text("policy");
    accumulate.batch = &batch;
    accumulate.want = &want;
    accumulate.n_want = 1;
    accumulate.loss = loss;
    accumulate.loss_ctx = &sequences;
    var total = args(zoo.zoo_loss_info);
    try z.check(model.accumulate.?(model.ctx, &accumulate, &total, z.err));
    var update = args(zoo.zoo_update_args);
    update.role = text("policy");
    var info = args(zoo.zoo_step_info);
    try z.check(model.optimizer_step.?(model.ctx, &update, &info, z.err));
    self.past.sum = self.decay * self.past.sum + (1 - self.decay) * mean;
    self.past.weight = self.decay * self.past.weight + (1 - self.decay);

    try z.check(log.metric.?(log.ctx, text("return"), mean, count, zoo.ZOO_METRIC_MEAN, z.err));
    try z.check(log.metric.?(log.ctx, text("reward"), mean_reward, count, zoo.ZOO_METRIC_MEAN, z.err));
    try z.check(log.metric.?(log.ctx, text("baseline"), baseline, 1, zoo.ZOO_METRIC_LAST, z.err));
    try z.check(log.metric.?(log.ctx, text("policy_loss"), total.loss, count, zoo.ZOO_METRIC_MEAN, z.err));
    try z.check(log.metric.?(log.ctx, text("grad_norm"), info.gradient_norm, 1, zoo.ZOO_METRIC_MEAN, z.err));
}

// State, creation, entry --------------------------------------------------------------------------------------------------

fn save(context: ?*anyopaque, sink: zoo.zoo_sink_fn, sink_ctx: ?*anyopaque, err: Err) callconv(.c) i32 {
    const self: *Method = @ptrCast(@alignCast(context.?));
    return sink.?(sink_ctx, @ptrCast(&self.past), @sizeOf(State), err);
}

fn load(context: ?*anyopaque, bytes: [*c]const u8, n: u64, err: Err) callconv(.c) i32 {
    const self: *Method = @ptrCast(@alignCast(context.?));
    var past = State{};
    if (n != @sizeOf(State)) return fail(err, zoo.ZOO_DATA_LOSS, "the saved state of my-plugin has the wrong length");
    @memcpy(std.mem.asBytes(&past), bytes[0..@sizeOf(State)]);
    const is_known = std.mem.eql(u8, &past.name, "baseline") and std.math.isFinite(past.sum);
    if (!is_known or !(past.weight >= 0 and past.weight <= 1))
        return fail(err, zoo.ZOO_DATA_LOSS, "these bytes are no saved state of my-plugin");
    self.past = past;
    return zoo.ZOO_OK;
}

fn getExtension(_: ?*anyopaque, _: [*c]const u8) callconv(.c) ?*const anyopaque {
    return null;
}

fn destroy(context: ?*anyopaque) callconv(.c) void {
    const self: *Method = @ptrCast(@alignCast(context.?));
    std.heap.c_allocator.destroy(self);
}

fn create(id: zoo.zoo_str, given: ?*const zoo.zoo_host_v1, _: zoo.zoo_str, out: [*c][*c]zoo.zoo_algorithm_v1, err: Err) callconv(.c) i32 {
    out.* = null;
    if (!std.mem.eql(u8, id.ptr[0..id.len], "my-plugin")) return fail(err, zoo.ZOO_NOT_FOUND, "this plugin has one algorithm: 'my-plugin'");
    const host = given orelse return fail(err, zoo.ZOO_INVALID_ARGUMENT, "the host is NULL");
    if (host.size < @offsetOf(zoo.zoo_host_v1, "release") + 8 or host.release == null or host.get_extension == null)
        return fail(err, zoo.ZOO_INVALID_ARGUMENT, "the host's table is too short: it needs get_extension and release");
    var z = Scope{ .host = host, .err = err };
    const self = std.heap.c_allocator.create(Method) catch
        return fail(err, zoo.ZOO_RESOURCE_EXHAUSTED, "no memory for the algorithm");
    self.* = .{ .table = args(zoo.zoo_algorithm_v1), .host = host, .prompts = 0, .samples = 0, .decay = 0, .beta = 0, .past = .{} };
    read(self, &z) catch {
        std.heap.c_allocator.destroy(self);
        return z.status;
    };
    self.table.self = self;
    self.table.step = step;
    self.table.save = save;
    self.table.load = load;
    self.table.get_extension = getExtension;
    self.table.destroy = destroy;
    out.* = &self.table;
    return zoo.ZOO_OK;
}

/// The host has held the recipe's values against the schema, and put its defaults where there are none.
fn read(self: *Method, z: *Scope) error{Stopped}!void {
    const given = try z.service(zoo.zoo_parameters_v1, zoo.ZOO_PARAMETERS_ID, "integer");
    var count: i64 = 0;
    try z.check(given.integer.?(given.ctx, text("prompts"), &count, z.err));
    self.prompts = @intCast(count);
    try z.check(given.integer.?(given.ctx, text("samples"), &count, z.err));
    self.samples = @intCast(count);
    try z.check(given.number.?(given.ctx, text("baseline_decay"), &self.decay, z.err));
    try z.check(given.number.?(given.ctx, text("beta"), &self.beta, z.err));
}

const schema =
    \\{"type": "object", "additionalProperties": false, "properties": {
    \\  "prompts": {"type": "integer", "default": 32, "minimum": 1, "maximum": 1000000, "counts": "prompts",
    \\              "description": "Prompts of an iteration."},
    \\  "samples": {"type": "integer", "default": 1, "minimum": 1, "maximum": 1000000, "counts": "samples_per_prompt",
    \\              "description": "Sequences sampled for each prompt."},
    \\  "baseline_decay": {"type": "number", "default": 0.9, "minimum": 0, "maximum": 1,
    \\                     "description": "How much of the baseline stays at each step; 1 keeps it at 0."},
    \\  "beta": {"type": "number", "default": 0.05, "minimum": 0, "maximum": 1000,
    \\           "description": "Weight of the KL to the reference in the reward, per nat."}}}
;

const needs =
    \\{"data": "prompts", "roles": ["policy", "reference"],
    \\ "services": ["zoo.data/1", "zoo.rollout/1", "zoo.reward/1", "zoo.model/1", "zoo.log/1"]}
;

const card = zoo.zoo_algorithm_info_v1{
    .size = @sizeOf(zoo.zoo_algorithm_info_v1),
    .flags = 0,
    .id = text("my-plugin"),
    .title = text("MyPlugin"),
    .summary = text("Policy gradient against a moving average of past returns."),
    .paper = text("Williams 1992, https://doi.org/10.1007/BF00992696"),
    .parameters = text(schema),
    .needs = text(needs),
    .presets = text(""),
};

const cards = [1][*c]const zoo.zoo_algorithm_info_v1{&card};

const plugin = zoo.zoo_plugin_v1{
    .size = @sizeOf(zoo.zoo_plugin_v1),
    .flags = 0,
    .abi_version = 1 << 16,
    .reserved = 0,
    .toolchain = text("zig"),
    .algorithms = &cards,
    .n_algorithms = 1,
    .create = create,
    .get_extension = null,
};

export fn zoo_plugin_entry_v1() callconv(.c) *const zoo.zoo_plugin_v1 {
    return &plugin;
}
