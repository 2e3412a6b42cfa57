import ZooBase

extension RewardKind {
    /// The rewards of images that show a reference somewhere.
    static let subject = [
        measuring("subject-fidelity", "the largest normalised cross-correlation with the reference image over placements") {
            $0.sample.bestPlacement(of: try reference($0, reward: "subject-fidelity")).correlation
        },
        measuring(
            "prompt-adherence",
            "the mean of two: whether the digit is at the prompt's position, and the background is the prompt's"
        ) { try adherence($0) },
    ]

    private static func reference(_ image: SampledImage, reward: String) throws -> PixelImage {
        guard let reference = image.prompt.reference else {
            throw DataError("reward \(reward)", "needs prompts with a reference image; this task has none")
        }
        return reference
    }

    private static func adherence(_ image: SampledImage) throws -> Double {
        let reference = try reference(image, reward: "prompt-adherence")
        let values = image.prompt.values
        guard values.count == 3, let place = values[1], let background = values[2] else {
            throw DataError("reward prompt-adherence", "needs prompts with a position and a background")
        }
        let found = image.sample.bestPlacement(of: reference)
        let isPlaced = Canvas.places[place].row == found.row && Canvas.places[place].column == found.column
        let nearest = Canvas.backgrounds.indices.min {
            Canvas.distance(image.sample, background: $0, outside: found)
                < Canvas.distance(image.sample, background: $1, outside: found)
        }
        return ((isPlaced ? 1 : 0) + (nearest == background ? 1 : 0)) / 2
    }
}

extension Canvas {
    /// The part of an image where its prompt puts the digit.
    static func digit(_ image: SampledImage) -> PixelImage {
        let place = image.prompt.values[1].map { places[$0] } ?? places[4]
        return image.sample.window(row: place.row, column: place.column, height: DigitImages.side, width: DigitImages.side)
    }

    /// The mean absolute difference to a background, over the pixels outside of the digit's placement.
    static func distance(_ image: PixelImage, background: Int, outside: (row: Int, column: Int, correlation: Double)) -> Double {
        let empty = empty(background)
        let side = DigitImages.side
        var (sum, count) = (0.0, 0.0)
        for row in 0..<image.height {
            for column in 0..<image.width {
                let isInside =
                    (outside.row..<outside.row + side).contains(row) && (outside.column..<outside.column + side).contains(column)
                guard !isInside else { continue }
                sum += Double(abs(image[row, column] - empty[row, column]))
                count += 1
            }
        }
        return sum / count
    }
}
