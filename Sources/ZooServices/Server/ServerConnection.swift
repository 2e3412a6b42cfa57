import ZooBase
import ZooData
import ZooRecipe

/// Why a server did not do what was asked, in words.
struct ServerFault: Error {
    var reason: String
    /// Whether another try may do better, once the server has the weights again.
    var isPassing = false
    /// Of an answer that says so.
    var status: Int?
    /// Whether the run was asked to stop.
    var isCancelled = false
}

/// Asks a server in JSON.
final class ServerConnection {
    private let service: ProgramService
    /// Whether the run was asked to stop; an answer is then not waited for.
    var isCancelled: () -> Bool = { false }

    init(_ settings: ServerSettings) throws { service = try ProgramService(settings.url, settings.program) }

    func get(_ path: String) throws(ServerFault) -> JSONObject { try object(answer(.init(path: path)), path) }

    func post(_ path: String, _ body: JSONObject = [:]) throws(ServerFault) -> JSONObject {
        try object(answer(.init(path: path, body: text(body))), path)
    }

    /// A request whose answer says nothing but that it was done.
    func tell(_ path: String, _ body: JSONObject = [:]) throws(ServerFault) {
        _ = try answer(.init(path: path, body: text(body)))
    }

    /// Whether it answers there at all.
    func reach(_ path: String) throws(ServerFault) { _ = try answer(.init(path: path)) }

    /// The answers to requests that are made at the same time.
    func posts(_ path: String, _ bodies: [JSONObject]) -> [Result<JSONObject, ServerFault>] {
        let answers = service.answers(to: bodies.map { .init(path: path, body: text($0)) }, isCancelled: isCancelled)
        let stops = isCancelled()
        return answers.map { answer in
            Result { () throws(ServerFault) in
                do { return try object(answer.get(), path) } catch let fault as ProgramService.Fault {
                    throw Self.fault(fault, path, stops)
                } catch let fault as ServerFault { throw fault } catch { throw ServerFault(reason: plainWords(error)) }
            }
        }
    }

    private func answer(_ question: ProgramService.Question) throws(ServerFault) -> String {
        do { return try service.answers(to: [question], isCancelled: isCancelled)[0].get() } catch {
            throw Self.fault(error, question.path, isCancelled())
        }
    }

    private static func fault(_ fault: ProgramService.Fault, _ path: String, _ stops: Bool) -> ServerFault {
        ServerFault(
            reason: "\(place(path)): \(fault.reason)", isPassing: fault.isPassing || fault.isLate, status: fault.status,
            isCancelled: stops)
    }

    private static func place(_ path: String) -> String { path.split(separator: "?").first.map(String.init) ?? path }

    private func text(_ body: JSONObject) -> String {
        // Strings, numbers and lists of them have a text.
        (try? JSON.text(JSONValue.object(body))) ?? "{}"
    }

    /// Half an answer is none: another try may do better. A list is the member `list`.
    private func object(_ text: String, _ path: String) throws(ServerFault) -> JSONObject {
        let place = Self.place(path)
        let value: JSONValue
        do { value = try JSONValue(parsing: text, place: "the answer") } catch {
            let found = text.prefix(60).debugDescription
            throw ServerFault(reason: "\(place): the answer breaks off or is no JSON: found \(found)", isPassing: true)
        }
        if value.array != nil { return ["list": value] }
        guard let object = value.object else {
            throw ServerFault(reason: "\(place): the answer is \(value.kind); expected an object")
        }
        return object
    }
}
