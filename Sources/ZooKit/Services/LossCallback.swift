import CZoo

/// A Swift loss behind the C callback. It also puts together the outputs that the host's slices showed, so that an algorithm can
/// compute its metrics from them while its loss stays pure.
final class LossCallback {
    /// The batch with a column that numbers its sequences, by which a slice's outputs find their place.
    let numbered: Batch
    private(set) var thrown: (any Error)?
    private let role: Role
    private let wanted: [Output]
    private let loss: (Batch, Outputs) throws -> Loss
    private var recorded: [Column?]

    private static let numberColumn = "zookit.sequence"

    init(role: Role, wanted: [Output], batch: Batch, loss: @escaping (Batch, Outputs) throws -> Loss) {
        var numbered = batch
        numbered.set(Column(Self.numberColumn, perStep: false, .i64((0..<Int64(batch.sequenceCount)).map { $0 })))
        self.numbered = numbered
        self.role = role
        self.wanted = wanted
        self.loss = loss
        recorded = wanted.map { _ in nil }
    }

    /// What the host showed of the whole batch; 0 for a sequence that it never showed.
    var outputs: Outputs {
        Outputs(zip(wanted, recorded).map { $1 ?? Column($0.name, perStep: false, .f64([])) })
    }

    static let function: zoo_loss_fn = { context, pointer, error in
        ZooError.status(error) {
            guard let context, let pointer, let arguments = Sized(UnsafePointer(pointer)) else {
                throw ZooError(.invalidArgument, "the host called the loss with a NULL argument")
            }
            _ = try arguments.required(\.loss, "the call of the loss")
            guard let outputs = arguments[\.outputs], let gradients = arguments[\.gradients], let count = arguments[\.n_outputs],
                count <= 64
            else { throw ZooError(.invalidArgument, "the host called the loss without outputs, or with more than 64") }
            let call = Unmanaged<LossCallback>.fromOpaque(context).takeUnretainedValue()
            do {
                let loss = try call.run(
                    Batch(copying: arguments[\.slice]), UnsafeBufferPointer(start: outputs, count: Int(count)),
                    UnsafeBufferPointer(start: gradients, count: Int(count)))
                pointer.fill(\.loss, loss)
            } catch {
                call.thrown = error
                throw error
            }
        }
    }

    private func run(
        _ slice: Batch, _ arrays: UnsafeBufferPointer<UnsafePointer<zoo_array>?>,
        _ gradients: UnsafeBufferPointer<UnsafeMutablePointer<zoo_array>?>
    ) throws -> Double {
        let columns = try arrays.map { try Column(copying: $0, sequences: slice.sequenceCount, steps: slice.stepCount) }
        let outputs = try Outputs(columns).checked(wanted, of: role)
        try record(columns, of: slice)
        let result = try loss(slice, outputs)
        try requireFinite([result.value], "the loss of role '\(role.name)'")
        for (place, output) in zip(gradients, wanted) {
            guard let gradient = result.gradients[output] else { continue }
            try requireFinite(gradient, "the loss's derivative by '\(output.name)'")
            let name = "the loss's derivative by '\(output.name)'"
            guard let array = Sized(place.map { UnsafePointer($0) }) else { throw ZooError(.invalidArgument, "\(name) is NULL") }
            let bytes = try array.required(\.nbytes, name)
            guard array[\.dtype] == ZOO_F64, bytes == UInt64(gradient.count * MemoryLayout<Double>.stride) else {
                throw ZooError(.invalidArgument, "\(name) has \(gradient.count) numbers; expected \(bytes / 8) in f64")
            }
            guard !gradient.isEmpty else { continue }
            array[\.data]?.assumingMemoryBound(to: Double.self).update(from: gradient, count: gradient.count)
        }
        return result.value
    }

    private func record(_ columns: [Column], of slice: Batch) throws {
        let sequences = try slice.integers(Self.numberColumn)
        for (index, column) in columns.enumerated() {
            let values = column.doubles
            let rows = column.perStep ? numbered.stepCount : numbered.sequenceCount
            var whole = recorded[index]?.doubles ?? Array(repeating: 0, count: rows)
            recorded[index] = nil
            for (place, sequence) in sequences.enumerated() {
                let source = column.perStep ? slice.steps(of: place) : place..<(place + 1)
                let target = column.perStep ? numbered.steps(of: sequence) : sequence..<(sequence + 1)
                guard source.count == target.count else {
                    throw ZooError(.internal, "the host's slice has \(source.count) steps of a sequence of \(target.count)")
                }
                whole.replaceSubrange(target, with: values[source])
            }
            recorded[index] = Column(column.name, perStep: column.perStep, .f64(whole))
        }
    }
}
