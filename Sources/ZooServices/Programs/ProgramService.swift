import Foundation
import Synchronization
import ZooBase
import ZooRecipe

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
        var request = URLRequest(url: url, timeoutInterval: timeout)
        request.httpMethod = "POST"
        request.httpBody = Data(text.utf8)
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let found = Mutex<(Data?, Int?, URLError?)>((nil, nil, nil))
        let done = DispatchSemaphore(value: 0)
        let task = session.dataTask(with: request) { data, response, error in
            found.withLock { $0 = (data, (response as? HTTPURLResponse)?.statusCode, error as? URLError) }
            done.signal()
        }
        task.resume()
        guard done.wait(timeout: .now() + timeout + 1) == .success else {
            task.cancel()
            throw late
        }
        let (data, status, error) = found.withLock { $0 }
        if let error {
            if error.code == .timedOut { throw late }
            throw Fault(reason: "the service cannot be reached (\(Self.words(error)))", isPassing: true)
        }
        let body = String(decoding: data ?? Data(), as: UTF8.self)
        switch status {
        case 200?: return body
        case let status?:
            let shown = body.prefix(200).split(whereSeparator: \.isNewline).joined(separator: " ")
            throw Fault(
                reason: "the service answered with status \(status)\(shown.isEmpty ? "" : ": \(shown)"); expected 200",
                isPassing: status >= 500 || status == 429)
        case nil: throw Fault(reason: "the service gave no answer", isPassing: true)
        }
    }

    private var late: Fault {
        Fault(reason: "not answered within \(timeout.formatted()) s; raise 'timeout' if it needs longer")
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
