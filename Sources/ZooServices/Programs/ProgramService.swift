import Foundation
import Synchronization
import ZooBase
import ZooRecipe
import ZooRecords

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A service of the user's that is asked by POST and answers in JSON.
final class ProgramService {
    /// Why there is no answer, in words.
    struct Fault: Error {
        var reason: String
        /// Whether another try may do better.
        var isPassing = false
        /// Of an answer that says so.
        var status: Int?
        /// Whether the time was up.
        var isLate = false
    }

    /// One question: POST where it has a body, else GET.
    struct Question {
        /// After the service's URL.
        var path = ""
        var body: String?
    }

    private let url: URL
    private let timeout: Double
    private let retries: Int
    private let headers: [(name: String, value: String)]
    private let session: URLSession
    /// Seconds before the first repetition; each further one waits twice as long.
    private static let pause = 0.25

    /// - Throws: ``FileError`` if the file of headers cannot be read.
    init(_ url: URL, _ program: ExternalProgram) throws {
        (self.url, timeout, retries) = (url, program.timeout, program.retries)
        headers = try program.headersFile.map(Self.headers) ?? []
        let settings = URLSessionConfiguration.ephemeral
        settings.timeoutIntervalForRequest = timeout
        settings.timeoutIntervalForResource = timeout
        // What is on this machine is asked directly.
        if !program.isRemote { settings.connectionProxyDictionary = [:] }
        settings.httpMaximumConnectionsPerHost = 64
        session = URLSession(configuration: settings, delegate: NoRedirects(), delegateQueue: nil)
    }

    deinit { session.invalidateAndCancel() }

    /// Lines `NAME: VALUE`; empty ones and those that begin with `#` are left out.
    private static func headers(_ file: URL) throws -> [(name: String, value: String)] {
        try InputFile.text(file, atMost: 1 << 16).split(whereSeparator: \.isNewline).enumerated().compactMap { index, line in
            let text = line.trimmingCharacters(in: .whitespaces)
            guard !text.isEmpty, !text.hasPrefix("#") else { return nil }
            guard let colon = text.firstIndex(of: ":"), colon > text.startIndex else {
                // The line may hold a secret: it is not shown.
                throw FileError(.data, file.path, "line \(index + 1) is not NAME: VALUE")
            }
            return (String(text[..<colon]), text[text.index(after: colon)...].trimmingCharacters(in: .whitespaces))
        }
    }

    /// The answer to a request. Where the service is not reached, or fails by a status from 500 on, it is asked again.
    ///
    /// - Parameter repeats: whether a request that may have arrived can be repeated.
    func answer(to text: String, repeats: Bool) throws(Fault) -> String {
        var tries = 0
        while true {
            do { return try once(text) } catch {
                guard error.isPassing, repeats, tries < retries else {
                    throw tries == 0 ? error : Fault(reason: "\(error.reason), after \(tries + 1) tries")
                }
                Thread.sleep(forTimeInterval: Self.pause * Double(1 << min(tries, 8)))
                tries += 1
            }
        }
    }

    private func once(_ text: String) throws(Fault) -> String {
        try answers(to: [Question(body: text)])[0].get()
    }

    /// The answers to questions that are asked at the same time, at most `width` at once; no question is repeated.
    ///
    /// - Parameter isCancelled: is asked a few times in a second; all that is not answered by then is a fault.
    func answers(to questions: [Question], width: Int = 64, isCancelled: () -> Bool = { false }) -> [Result<String, Fault>] {
        let found = Mutex<[Int: Result<String, Fault>]>([:])
        let ended = DispatchSemaphore(value: 0)
        var tasks: [URLSessionDataTask] = []
        var (waiting, last) = (0, secondsNow())
        /// Waits for the end of one; false if there will be none.
        func wait() -> Bool {
            while ended.wait(timeout: .now() + 0.2) == .timedOut {
                if isCancelled() || secondsNow() - last > timeout + 1 { return false }
            }
            waiting -= 1
            return true
        }
        for (index, question) in questions.enumerated() {
            if waiting == width, !wait() { break }
            let task = session.dataTask(with: request(question)) { data, response, error in
                let result = Self.result(data, (response as? HTTPURLResponse)?.statusCode, error as? URLError)
                found.withLock { $0[index] = result }
                ended.signal()
            }
            task.resume()
            tasks.append(task)
            (waiting, last) = (waiting + 1, secondsNow())
        }
        while waiting > 0 { guard wait() else { break } }
        for task in tasks where waiting > 0 { task.cancel() }
        let all = found.withLock { $0 }
        return questions.indices.map { index in
            guard let result = all[index] else { return .failure(late) }
            guard case .failure(let fault) = result, fault.isLate else { return result }
            return .failure(late)
        }
    }

    private func request(_ question: Question) -> URLRequest {
        let place = question.path.isEmpty ? url : URL(string: url.absoluteString.trimmingSuffix("/") + question.path) ?? url
        var request = URLRequest(url: place, timeoutInterval: timeout)
        if let body = question.body {
            request.httpMethod = "POST"
            request.httpBody = Data(body.utf8)
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        }
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        return request
    }

    private static func result(_ data: Data?, _ status: Int?, _ error: URLError?) -> Result<String, Fault> {
        if let error {
            if error.code == .timedOut { return .failure(Fault(reason: "", isLate: true)) }
            return .failure(Fault(reason: "the service cannot be reached (\(words(error)))", isPassing: true))
        }
        let body = String(decoding: data ?? Data(), as: UTF8.self)
        switch status {
        case 200?: return .success(body)
        case let status?:
            let shown = body.prefix(200).split(whereSeparator: \.isNewline).joined(separator: " ")
            return .failure(
                Fault(
                    reason: "the service answered with status \(status)\(shown.isEmpty ? "" : ": \(shown)"); expected 200",
                    isPassing: status >= 500 || status == 429, status: status))
        case nil: return .failure(Fault(reason: "the service gave no answer", isPassing: true))
        }
    }

    private var late: Fault {
        Fault(reason: "not answered within \(timeout.formatted()) s; raise 'timeout' if it needs longer", isLate: true)
    }

    private static func words(_ error: URLError) -> String {
        switch error.code {
        case .cannotConnectToHost: "nothing listens there"
        case .cannotFindHost, .dnsLookupFailed: "there is no such host"
        case .networkConnectionLost: "it closed the connection"
        case .secureConnectionFailed: "no secure connection"
        default: "error \(error.code.rawValue) of the network"
        }
    }
}

/// Keeps requests, and the headers that go with them, where the recipe sends them.
private final class NoRedirects: NSObject, URLSessionTaskDelegate {
    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping (URLRequest?) -> Void
    ) { completionHandler(nil) }
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String { hasSuffix(suffix) ? String(dropLast(suffix.count)) : self }
}
