import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// Rows of images as batches: a sequence without steps each, for nothing of it was sampled here.
struct ImageRows {
    let format: ImageFormat
    /// The chance that a supervised example drops a condition, independently for each.
    let conditionDrop: Double
    let seed: UInt64

    /// The image prompts of some rows.
    func prompts(_ rows: [Row]) throws -> Batch { try batch(rows, try rows.map { try item($0).prompt }) }

    /// Rows with their own images.
    ///
    /// - Parameter position: examples handed out before; it decides, with the seed, the times, the noise and the dropped conditions.
    func examples(_ rows: [Row], position: Int) throws -> Batch {
        var random = SplitMix64(seed: seed, stream: UInt64(position) << 1)
        let prompts = try rows.map { try item($0).prompt.dropping(conditionDrop, using: &random) }
        var batch = try batch(rows, prompts)
        set(try rows.map { try item($0).target }, in: &batch)
        set(seeds: rows.map { _ in random.scoreSeed() }, in: &batch)
        let labels = rows.compactMap(\.label)
        if labels.count == rows.count { batch.set(Column("label", perStep: false, .u8(labels.map { $0 ? 1 : 0 }))) }
        return batch
    }

    /// Two images per row, which share times and noise.
    func pairs(_ rows: [Row], position: Int) throws -> Batch {
        var random = SplitMix64(seed: seed, stream: UInt64(position) << 1 | 1)
        let twice = rows.flatMap { [$0, $0] }
        var batch = try batch(twice, try twice.map { try item($0).prompt })
        let images = try rows.flatMap { row -> [PixelImage] in
            guard let pair = try item(row).pair else { throw ZooError(.internal, "row \(row.id) has no pair of images") }
            return [pair.chosen.image, pair.rejected.image]
        }
        set(images, in: &batch)
        let seeds = rows.flatMap { _ in
            let seed = random.scoreSeed()
            return [seed, seed]
        }
        set(seeds: seeds, in: &batch)
        batch.set(Column("pair", perStep: false, .i64(rows.indices.flatMap { [Int64($0), Int64($0)] })))
        batch.set(Column("chosen", perStep: false, .u8(rows.flatMap { _ in [1, 0] })))
        return batch
    }

    /// Sequences without steps, with what is to be shown.
    private func batch(_ rows: [Row], _ prompts: [ImageDescription]) throws -> Batch {
        var batch = Batch(offsets: Array(repeating: 0, count: rows.count + 1))
        batch.set(Column("row", perStep: false, .i64(rows.map { Int64($0.id) })))
        batch.set(
            Column(
                ImageColumn.condition, perStep: false, width: format.kinds,
                .i64(prompts.flatMap { $0.values.map { Int64($0 ?? -1) } })))
        if let shape = format.referenceShape {
            let pixels = prompts.flatMap { $0.reference?.pixels ?? Array(repeating: 0, count: shape.count) }
            batch.set(Column(ImageColumn.reference, perStep: false, width: shape.count, .f32(pixels)))
        }
        return batch
    }

    private func set(_ images: [PixelImage], in batch: inout Batch) {
        let pixels = images.flatMap(\.pixels)
        batch.set(Column(ImageColumn.sample, perStep: false, width: format.shape.count, .f32(pixels)))
    }

    private func set(seeds: [Int64], in batch: inout Batch) {
        batch.set(Column(ImageColumn.seed, perStep: false, .i64(seeds)))
        guard format.guidance != 1 else { return }
        batch.set(ImageColumn.guidance, perSequence: seeds.map { _ in format.guidance })
    }

    private func item(_ row: Row) throws -> ImageItem {
        guard let item = row.image else { throw ZooError(.invalidArgument, "row \(row.id) is not an image") }
        return item
    }
}

extension SplitMix64 {
    /// A seed that an f64 column holds exactly.
    fileprivate mutating func scoreSeed() -> Int64 { Int64(next() >> 33) }
}
