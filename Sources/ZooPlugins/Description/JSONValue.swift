import ZooBase
import ZooData
import ZooKit

extension JSONValue {
    /// Parses a JSON text. Throws a sentence that starts with `what` if it is malformed.
    init(parsing text: String, what: String) throws {
        do {
            self = try JSONReader.value(text)
        } catch {
            throw ZooError(.invalidArgument, "\(what) is not valid JSON: \(error): \(text.prefix(80))")
        }
    }
}
