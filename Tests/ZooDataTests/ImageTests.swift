import Foundation
import Testing
import ZooBase
import ZooData

private func image(_ height: Int, _ width: Int, _ pixel: (Int, Int) -> Float) -> PixelImage {
    PixelImage(height: height, width: width, pixels: (0..<height * width).map { pixel($0 / width, $0 % width) })
}

@Suite("measures of images")
struct PictureTests {
    @Test("grid energy is the share that alternates from pixel to pixel, across, down or both")
    func gridEnergy() {
        let checkers = image(6, 6) { ($0 + $1) % 2 == 0 ? 1 : -1 }
        let columns = image(6, 6) { $1 % 2 == 0 ? 0.5 : -0.5 }
        // A slow wave is at another frequency: half of the energy stays where it is.
        let wave = image(8, 8) { row, _ in Float(sin(Double(row) * .pi / 4)) }
        let both = image(8, 8) { row, column in wave[row, column] + (column % 2 == 0 ? 1 : -1) / Float(2).squareRoot() }
        #expect(abs(checkers.gridEnergy - 1) < 1e-6)
        #expect(abs(columns.gridEnergy - 1) < 1e-6)
        #expect(abs(wave.gridEnergy) < 1e-6)
        #expect(abs(both.gridEnergy - 0.5) < 1e-6)
        #expect(image(4, 4) { _, _ in 0.3 }.gridEnergy == 0)
    }

    @Test("brightness, total variation and bits a pixel, by hand")
    func byHand() {
        // 0 1
        // 0 0: two of four neighbouring pairs differ, by 1 each.
        let corner = PixelImage(height: 2, width: 2, pixels: [0, 1, 0, 0])
        #expect(corner.brightness == 0.25)
        #expect(corner.totalVariation == 0.5)
        // Differences in reading order: 0 (to nothing), 8 levels, 0 (to the one above), 0: three of one kind, one of another.
        let entropy = -(0.75 * log2(0.75) + 0.25 * log2(0.25))
        #expect(abs(corner.bitsPerPixel - entropy) < 1e-12)
        #expect(abs(corner.distance(PixelImage(height: 2, width: 2, pixels: [0, 0, 0, 0])) - 0.5) < 1e-12)
    }

    @Test("a blur keeps what is flat, spreads a point alike in all directions, and takes nothing away")
    func blur() {
        let flat = image(5, 7) { _, _ in 0.4 }
        #expect(flat.blurred(sigma: 1.5).pixels.allSatisfy { abs($0 - 0.4) < 1e-6 })
        let point = image(15, 15) { $0 == 7 && $1 == 7 ? 1 : 0 }.blurred(sigma: 1)
        #expect(abs(point.pixels.reduce(0, +) - 1) < 1e-5)
        #expect(abs(point[7, 6] / point[7, 7] - Float(exp(-0.5))) < 1e-5)
        #expect(abs(point[6, 7] - point[7, 8]) < 1e-7)
    }

    @Test("a part is found where it is, whatever its brightness and contrast, and elsewhere less so")
    func placement() {
        let part = image(3, 3) { row, column in row == column ? 1 : 0 }
        let whole = image(8, 8) { row, column in
            (2..<5).contains(row) && (4..<7).contains(column) ? 0.3 * part[row - 2, column - 4] - 0.5 : -0.6
        }
        let found = whole.bestPlacement(of: part)
        #expect(found.row == 2 && found.column == 4)
        #expect(abs(found.correlation - 1) < 1e-6)
        #expect(abs(whole.correlation(image(8, 8) { -whole[$0, $1] }) + 1) < 1e-6)
        #expect(part.correlation(image(3, 3) { _, _ in 1 }) == 0)
        #expect(part.correlation(image(3, 3) { row, column in 0.1 + Float(row + column) * 1e-8 }) == 0)
        // However faint a image is, what it shows is what counts.
        #expect(abs(part.correlation(image(3, 3) { part[$0, $1] * 1e-12 }) - 1) < 1e-6)
    }

    @Test("a grid is a PNG file of the size that its images take")
    func grid() throws {
        let png = try ImageGrid(rows: [[image(8, 8) { _, _ in 0 }], [image(12, 12) { _, _ in 2 }]], scale: 3).png()
        func number(_ start: Int) -> Int { png.dropFirst(start).prefix(4).reduce(0) { $0 << 8 | Int($1) } }
        #expect(png.starts(with: [0x89, 0x50, 0x4e, 0x47]))
        #expect(number(16) == 2 + 12 * 3 + 2)
        #expect(number(20) == 2 + 2 * (12 * 3 + 2))
    }
}

@Suite("tasks of images")
struct ImageTaskTests {
    /// 40 images of each of ten patterns: class d has ink at the four pixels of row d % 8 from column d / 8 · 4 on.
    static let digits: DigitImages = {
        var random = SplitMix64(seed: 3, stream: 0)
        let labels = (0..<400).map { $0 % 10 }
        let images = labels.map { label in
            image(8, 8) { row, column in
                let isInk = row == label % 8 && column / 4 == label / 8
                return (isInk ? 1 : -1) + Float(random.normal()) * 0.1
            }
        }
        return DigitImages(images: images, labels: labels)
    }()

    @Test("held-out digits are none of the training's, and a seed gives the same task")
    func split() {
        let (first, second) = (ImageTask.subject(Self.digits, seed: 1), ImageTask.subject(Self.digits, seed: 1))
        #expect(first.training == second.training && first.heldOut == second.heldOut)
        #expect(first.heldOut != ImageTask.subject(Self.digits, seed: 2).heldOut)
        let seen = Set(first.training.compactMap { $0.prompt.reference?.pixels })
        #expect(first.heldOut.allSatisfy { !seen.contains($0.prompt.reference!.pixels) })
        #expect(first.heldOut.count == 297)
    }

    @Test("images of clothing are read from IDX files, and what is none is refused by file")
    func fashion() throws {
        let pixels = (0..<2 * 784).map { UInt8($0 % 256) }
        let images = try file(Data([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28] + pixels), name: "images")
        let labels = try file(Data([0, 0, 8, 1, 0, 0, 0, 2, 9, 0]), name: "labels")
        let read = try FashionImages(images: images, labels: labels)
        #expect(read.labels == [9, 0])
        #expect(read.images[0][0, 0] == -1 && read.images[0][9, 3] == 1)  // bytes 0 and 255
        let task = ImageTask.fashion(training: read, heldOut: read)
        #expect(task.caption(task.training[0].prompt) == "ankle boot")
        let short = try file(Data([0, 0, 8, 1, 0, 0, 0, 3, 9, 0]), name: "labels")
        let wrong = try file(Data([0, 0, 8, 1, 0, 0, 0, 2, 10, 0]), name: "labels")
        let fewer = try file(Data([0, 0, 8, 1, 0, 0, 0, 1, 9]), name: "labels")
        for bad in [short, wrong, fewer] {
            let error = #expect(throws: DataError.self) { try FashionImages(images: images, labels: bad) }
            #expect(error.map { "\($0)".contains(bad.path) } == true)
        }
        #expect(throws: DataError.self) { try FashionImages(images: labels, labels: labels) }
    }

    @Test("the new condition is in none of the usual items, and mixed prompts come by turns")
    func newCondition() {
        let task = ImageTask.subject(Self.digits, seed: 1)
        #expect((task.training + task.heldOut).allSatisfy { $0.prompt.values[2]! < 3 })
        #expect((task.newTraining + task.newHeldOut).allSatisfy { $0.prompt.values[2] == 3 })
        #expect(task.mixedHeldOut.prefix(4).map { $0.extras["split"]?.string } == ["old", "new", "old", "new"])
    }

    @Test("conditions and reference are dropped all or not at all at the ends, and each by itself between them")
    func dropping() {
        let prompt = ImageTask.subject(Self.digits, seed: 1).training[0].prompt
        var random = SplitMix64(seed: 1, stream: 0)
        #expect(prompt.dropping(1, using: &random) == ImageDescription(values: [nil, nil, nil], reference: nil))
        #expect(prompt.dropping(0, using: &random) == prompt)
        let some = (0..<4000).map { _ in prompt.dropping(0.25, using: &random) }
        for kind in 0..<3 { #expect(abs(some.count { $0.values[kind] == nil } - 1000) < 120) }
        #expect(abs(some.count { $0.reference == nil } - 1000) < 120)
        #expect(abs(some.count { $0.values[0] == nil && $0.values[1] == nil } - 250) < 70)
    }

    @Test("true images earn nearly everything; others earn less")
    func rewards() throws {
        let task = ImageTask.subject(Self.digits, seed: 1)
        let judge = ImageJudge(task)
        func mean(_ name: String, _ image: (ImageItem) -> PixelImage) throws -> Double {
            let reward = try RewardKind.make(name, source: judge)
            let scores = try task.heldOut.prefix(60).map { item in
                try reward.score(
                    RewardItem(prompt: "", completion: "", image: SampledImage(sample: image(item), prompt: item.prompt)))
            }
            return scores.reduce(0, +) / Double(scores.count)
        }
        let grey = PixelImage(height: 12, width: 12, pixels: (0..<144).map { $0 % 2 == 0 ? 0.1 : -0.1 })
        #expect(try mean("class-accuracy") { $0.target } > 0.95)
        #expect(try mean("subject-fidelity") { $0.target } > 0.9)
        #expect(try mean("prompt-adherence") { $0.target } > 0.95)
        #expect(try mean("class-accuracy") { _ in grey } < 0.3)
        #expect(try mean("subject-fidelity") { _ in grey } < 0.5)
        // Another item's image shows another digit elsewhere.
        func other(_ item: ImageItem) -> PixelImage { task.heldOut.first { $0.prompt.values != item.prompt.values }!.target }
        #expect(try mean("prompt-adherence", other) < 0.7)
    }

    @Test("a reward that is not known is refused with the nearest, and one without its condition by what it needs")
    func refused() throws {
        let task = ImageTask.digits(Self.digits, seed: 0)
        let judge = ImageJudge(task)
        #expect(try failure { try RewardKind.make("brightnes", source: judge) }.hasSuffix("did you mean 'brightness'?"))
        #expect(try failure { try RewardKind.make("brightness") }.hasPrefix("reward brightness: scores images"))
        let item = task.heldOut[0]
        let sample = SampledImage(sample: item.target, prompt: item.prompt)
        #expect(throws: DataError.self) {
            try RewardKind.make("subject-fidelity", source: judge).score(
                RewardItem(prompt: "", completion: "", image: sample))
        }
        #expect(throws: DataError.self) {
            try RewardKind.make("brightness", source: judge).score(RewardItem(prompt: "", completion: "a text"))
        }
    }
}
