/// The canvas of the subject-driven task.
public enum Canvas {
    public static let side = 12
    public static let backgrounds = ["dark", "light", "ramp", "dusk"]
    /// The last one, which the usual items do not have.
    static let newBackground = 3

    public static let places: [(name: String, row: Int, column: Int)] = [
        ("top", 0), ("middle", 2), ("bottom", 4),
    ].flatMap { vertical, row in
        [("left", 0), ("centre", 2), ("right", 4)].map { horizontal, column in ("\(vertical) \(horizontal)", row, column) }
    }

    /// How bright a background is at a pixel, 0 to 1.
    static func level(_ background: Int, row: Int, column: Int) -> Float {
        switch background {
        case 0: 0
        case 1: 0.4
        case 2: 0.5 * Float(column) / Float(side - 1)
        default: 0.5 * Float(row) / Float(side - 1)
        }
    }

    /// The background alone.
    static func empty(_ background: Int) -> PixelImage {
        PixelImage(
            height: side, width: side,
            pixels: (0..<side * side).map { 2 * level(background, row: $0 / side, column: $0 % side) - 1 })
    }

    /// A digit's ink over a background.
    static func render(_ digit: PixelImage, place: Int, background: Int) -> PixelImage {
        var canvas = empty(background)
        let (_, top, left) = places[place]
        for row in 0..<digit.height {
            for column in 0..<digit.width {
                let ink = (digit[row, column] + 1) / 2
                let behind = level(background, row: top + row, column: left + column)
                canvas[top + row, left + column] = 2 * (behind + (1 - behind) * ink) - 1
            }
        }
        return canvas
    }
}
