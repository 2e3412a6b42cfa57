import FlyingFox
import FlyingSocks
import Foundation
import ZooBase
import ZooReport

/// Serves a report that follows its runs, on this machine alone.
///
/// `/` is the page, `/report.json` what is new. Nothing else is answered, no file is read by a request's path, and a request whose Host
/// is not this server's own address is refused: a page elsewhere cannot read the report by a name that it lets point here.
struct ReportServer {
    let paths: [String]
    let vega: String
    /// 0: any that is free.
    let port: UInt16

    /// Serves until the process is stopped.
    ///
    /// - Parameter isListening: is told the page's address.
    /// - Throws: if the port is not available.
    func run(isListening: @escaping @Sendable (String) throws -> Void) async throws {
        let report = LiveReport(paths: paths, vega: vega)
        let server = HTTPServer(
            config: .init(
                address: try sockaddr_in.inet(ip4: "127.0.0.1", port: port), pool: ImpatientPool(HTTPServer.defaultPool()),
                logger: .disabled),
            handler: ClosureHTTPHandler { request in await Self.answer(request, report) })
        try await Self.run(server, port: port, isListening: isListening)
    }

    /// Serves until the process is stopped.
    static func run(
        _ server: HTTPServer, port: UInt16, isListening: @escaping @Sendable (String) throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await server.run() } catch {
                    throw Failure(
                        "port \(port) of 127.0.0.1 cannot be used: \(Self.reason(error)); choose another with --port",
                        status: .software)
                }
            }
            group.addTask {
                try await server.waitUntilListening()
                guard case .ip4(_, let port)? = await server.listeningAddress else {
                    throw Failure("the server has no address", status: .software)
                }
                try isListening("http://127.0.0.1:\(port)/")
            }
            try await group.waitForAll()
        }
    }

    private static func reason(_ error: any Error) -> String {
        guard case .failed(_, let number, _)? = error as? SocketError else { return plainWords(error) }
        return number == EADDRINUSE ? "another program uses it" : plainWords(POSIXError(POSIXErrorCode(rawValue: number) ?? .EIO))
    }

    private static func answer(_ request: HTTPRequest, _ report: LiveReport) async -> HTTPResponse {
        let host = request.headers[.host] ?? ""
        let name = host.split(separator: ":").first.map(String.init) ?? ""
        guard ["127.0.0.1", "localhost"].contains(name) else {
            return plain(.misdirectedRequest, "This server answers only requests to 127.0.0.1.")
        }
        guard request.method == .GET else { return plain(.methodNotAllowed, "Only GET is supported.") }
        do {
            switch request.path {
            case "/": return respond(.ok, "text/html; charset=utf-8", Data(try await report.html().utf8))
            case "/report.json": return respond(.ok, "application/json", try await report.update())
            default: return plain(.notFound, "Not found.")
            }
        } catch {
            return plain(.internalServerError, Failure(error).message)
        }
    }

    private static func plain(_ status: HTTPStatusCode, _ text: String) -> HTTPResponse {
        respond(status, "text/plain; charset=utf-8", Data((text + "\n").utf8))
    }

    private static func respond(_ status: HTTPStatusCode, _ type: String, _ body: Data) -> HTTPResponse {
        HTTPResponse(
            statusCode: status,
            headers: [.contentType: type, .cacheControl: "no-store", HTTPHeader("X-Content-Type-Options"): "nosniff"], body: body)
    }
}

extension HTTPStatusCode {
    fileprivate static let misdirectedRequest = HTTPStatusCode(421, phrase: "Misdirected Request")
}

/// The report as the runs are now, read anew at most once a second.
private actor LiveReport {
    private let paths: [String]
    private let vega: String
    private var last: (page: Page, status: String, read: Double)?

    init(paths: [String], vega: String) {
        self.paths = paths
        self.vega = vega
    }

    func html() throws -> String {
        let (page, status) = try current()
        return try page.html(vega: vega, status: status)
    }

    func update() throws -> Data {
        let (page, status) = try current()
        return try page.update(status: status)
    }

    private func current() throws -> (Page, String) {
        if let last, monotonicSeconds() - last.read < 1 { return (last.page, last.status) }
        let builder = ReportBuilder(try ReportPlace(paths, allowsNone: true))
        let found = (builder.page(), builder.status)
        last = (found.0, found.1, monotonicSeconds())
        return found
    }
}
