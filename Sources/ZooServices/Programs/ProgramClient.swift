import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooPlugins
import ZooRecipe
import ZooRecords

/// Asks a program of the user's in JSON, whichever way it is reached, and names it in every error.
package final class ProgramClient {
    /// What is asked for; the version counts up with every change that a program would notice.
    package enum Kind: String {
        case reward = "zoo-reward/1"
        case environment = "zoo-environment/1"
    }

    private let subject: String
    private let program: ExternalProgram
    private let kind: Kind
    private var process: ProgramProcess?
    private var service: ProgramService?
    /// Requests so far.
    private var count = 0

    /// - Parameter subject: what the recipe calls it, for errors: `reward 'helpful'`.
    package init(_ program: ExternalProgram, _ kind: Kind, subject: String) {
        (self.program, self.kind, self.subject) = (program, kind, subject)
    }

    /// Starts the process and hears that it speaks the protocol; nothing for a service, which says so with every answer.
    package func start() throws {
        guard program.url == nil, process == nil else { return }
        let fresh = try launched()
        let hello = try line(["protocol": .string(kind.rawValue)])
        let answer = try parsed(exchange(hello, with: fresh, "its first line"), "its first line")
        guard answer["protocol"]?.string == kind.rawValue else {
            let found = answer["protocol"].map(shown) ?? shown(.object(answer))
            throw fault(
                .failedPrecondition,
                "its first line has to be {\"protocol\": \"\(kind.rawValue)\"}; found \(found)\(helperAdvice)")
        }
        process = fresh
    }

    /// The answer to a request, repeated as often as the recipe allows where the program failed to give one.
    ///
    /// - Parameters:
    ///   - what: of what, for errors: `256 completions`.
    ///   - repeats: whether a request may be repeated; an episode that a process took along cannot be.
    package func ask(_ request: JSONObject, about what: String, repeats: Bool = true) throws -> JSONObject {
        count += 1
        var request = request
        request["protocol"] = .string(kind.rawValue)
        request["id"] = .integer(count)
        let text = try line(request)
        let place = "request \(count) (\(what))"
        let answer = try parsed(reply(to: text, place, repeats: repeats), place)
        if let error = answer["error"] {
            let log = program.url == nil ? Self.seeLog : ""
            throw fault(.aborted, "\(place) failed: \(error.string ?? shown(error))\(log)")
        }
        if let id = answer["id"], !id.isNull, id.integer != count {
            throw fault(.dataLoss, "\(place): the answer has the id \(shown(id)); expected \(count)")
        }
        return answer
    }

    /// An error about this program.
    package func fault(_ code: ZooError.Code, _ reason: String) -> ZooError {
        ZooError(code, "\(subject) (\(program.url == nil ? "command" : "service") \(program.title)): \(reason)")
    }

    /// An error about an answer of the program.
    package func wrong(_ reason: String) -> ZooError { fault(.dataLoss, "request \(count): \(reason)") }

    // MARK: - Ways to reach it

    private func reply(to text: String, _ place: String, repeats: Bool) throws -> String {
        if let url = program.url {
            let service = try service ?? ProgramService(url, program)
            self.service = service
            do { return try service.answer(to: text, repeats: repeats) } catch {
                throw fault(.unavailable, "\(place): \(error.reason)")
            }
        }
        var deaths = 0
        while true {
            try start()
            guard let process else { throw fault(.internal, "it is not running") }
            do { return try process.answer(to: text, timeout: program.timeout) } catch {
                self.process = nil
                guard case .ended(let exit) = error else { throw described(error, place) }
                deaths += 1
                guard repeats, deaths <= program.retries else {
                    let times = deaths > 1 ? ", \(deaths) times in a row" : ""
                    throw fault(.aborted, "\(exit.sentence(about: "its process")) at \(place)\(times)\(Self.seeLog)")
                }
            }
        }
    }

    private func exchange(_ text: String, with process: ProgramProcess, _ place: String) throws -> String {
        do { return try process.answer(to: text, timeout: program.timeout) } catch { throw described(error, place) }
    }

    private func launched() throws -> ProgramProcess {
        guard let executable = program.executable, let directory = program.directory else {
            throw fault(
                .notFound,
                "there is no program '\(program.command.first ?? "")' in PATH or in \(program.directory?.path ?? "its folder")")
        }
        var environment = try PythonModules.environment()
        environment[Worker.marker] = nil
        do {
            return try ProgramProcess(executable, program.command, in: directory, environment: environment)
        } catch { throw described(error, "its start") }
    }

    private func described(_ error: ProgramProcess.Fault, _ place: String) -> ZooError {
        switch error {
        case .unstartable(let reason): fault(.internal, "cannot be started: \(reason)")
        case .ended(let exit):
            fault(.aborted, "\(exit.sentence(about: "its process")) at \(place)\(helperAdvice)\(Self.seeLog)")
        case .late(let seconds):
            fault(
                .deadlineExceeded,
                "\(place) was not answered within \(seconds.formatted()) s and its process was killed; raise 'timeout' if it needs "
                    + "longer")
        case .endless: fault(.dataLoss, "\(place): the answer has no end within 1 GiB; expected one line of JSON")
        }
    }

    private static let seeLog = "; its own output is in the run's log"

    /// What may be wrong with a command that is a script of Python.
    private var helperAdvice: String {
        guard program.command.contains(where: { $0.hasSuffix(".py") }), !program.command.contains(RewardHelper.module) else {
            return ""
        }
        return "; a file of Python's functions is started by: python3 -m \(RewardHelper.module) MODULE:FUNCTION"
    }

    // MARK: - JSON

    private func line(_ request: JSONObject) throws -> String { try JSON.text(JSONValue.object(request)) }

    private func parsed(_ text: String, _ place: String) throws -> JSONObject {
        let value: JSONValue
        do { value = try JSONValue(parsing: text, place: "the answer") } catch let error as DataError {
            throw fault(.dataLoss, "\(place): the answer is \(error.reason): found \(text.prefix(200).debugDescription)")
        }
        guard let object = value.object else {
            throw fault(.dataLoss, "\(place): the answer is \(value.kind); expected an object, found \(shown(value))")
        }
        if let error = object["error"], object["id"] == nil {
            throw fault(.failedPrecondition, "it could not start: \(error.string ?? shown(error))\(Self.seeLog)")
        }
        return object
    }

    private func shown(_ value: JSONValue) -> String { String(((try? JSON.text(value)) ?? value.kind).prefix(200)) }
}
