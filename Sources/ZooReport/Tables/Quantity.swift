import Foundation
import ZooBase

/// Numbers in words that people read at a glance.
public enum Quantity {
    /// Three significant digits: `0.0312`, `4.10`, `128`, `1.20e-05`.
    public static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
        guard value != 0 else { return "0" }
        guard let decimals = decimals(value) else { return String(format: "%.2e", value) }
        return String(format: "%.\(decimals)f", value)
    }

    /// The decimals that show three significant digits; nil if the number is too large or too small to be written out.
    private static func decimals(_ value: Double) -> Int? {
        let scientific = String(format: "%.2e", value)
        guard let magnitude = scientific.split(separator: "e").last.flatMap({ Int($0) }), (-4..<7).contains(magnitude) else {
            return nil
        }
        return max(0, 2 - magnitude)
    }

    /// A count: `950`, `12.3k`, `4.56M`.
    public static func count(_ value: Double) -> String { scaled(value, 1000, ["", "k", "M", "G", "T", "P", "E"]) }

    /// Bytes by powers of 1024: `512 B`, `1.50 MiB`.
    public static func bytes(_ value: Double) -> String { scaled(value, 1024, [" B", " KiB", " MiB", " GiB", " TiB"]) }

    /// A span of time: `0.41 s`, `12.5 s`, `3:07`, `1:02:03`.
    public static func seconds(_ value: Double) -> String {
        guard value.isFinite, value < 1e9 else { return "?" }
        if value < 59.95 { return String(format: value < 10 ? "%.2f s" : "%.1f s", value) }
        let whole = Int(value.rounded())
        let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60)
        return hours > 0 ? String(format: "%d:%02d:%02d", hours, minutes, seconds) : String(format: "%d:%02d", minutes, seconds)
    }

    /// A mean with its interval: `0.84 [0.71, 0.95]`.
    public static func interval(_ value: Estimate) -> String {
        guard let interval = value.interval else { return number(value.mean) }
        return "\(number(value.mean)) [\(number(interval.lowerBound)), \(number(interval.upperBound))]"
    }

    /// A mean with the larger side of its interval, to the same decimals: `0.84 ±0.13`.
    public static func deviation(_ value: Estimate) -> String {
        guard let interval = value.interval else { return number(value.mean) }
        let side = max(value.mean - interval.lowerBound, interval.upperBound - value.mean)
        guard value.mean != 0, let decimals = decimals(value.mean) else { return "\(number(value.mean)) ±\(number(side))" }
        return "\(number(value.mean)) ±" + String(format: "%.\(decimals)f", side)
    }

    private static func scaled(_ value: Double, _ base: Double, _ units: [String]) -> String {
        guard value.isFinite else { return "?" }
        var (value, unit) = (value, 0)
        while abs(value) >= base * 0.9995, unit < units.count - 1 { (value, unit) = (value / base, unit + 1) }
        return (unit == 0 ? String(format: "%.0f", value) : number(value)) + units[unit]
    }
}
