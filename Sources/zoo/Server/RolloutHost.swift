import FlyingFox
import FlyingSocks
import Foundation
import ZooBase
import ZooRun

/// Serves a model's samples on this machine alone, as vLLM's server does.
struct RolloutHost {
    let model: ServedModel
    /// 0: any that is free.
    let port: UInt16
    /// Seconds that an answer may take.
    private static let patience = 24.0 * 3600

    /// Serves until the process is stopped.
    ///
    /// - Parameter isListening: is told the address.
    /// - Throws: if the port is not available.
    func run(isListening: @escaping @Sendable (String) throws -> Void) async throws {
        let model = model
        let server = HTTPServer(
            config: .init(
                address: try sockaddr_in.inet(ip4: "127.0.0.1", port: port), timeout: Self.patience, logger: .disabled),
            handler: ClosureHTTPHandler { request in await Self.answer(request, model) })
        try await ReportServer.run(server, port: port, isListening: isListening)
    }

    private static func answer(_ request: HTTPRequest, _ model: ServedModel) async -> HTTPResponse {
        let body: Data?
        switch request.method {
        case .GET: body = nil
        case .POST:
            do { body = try await request.bodyData } catch {
                return HTTPResponse(statusCode: .badRequest, body: Data("the request breaks off\n".utf8))
            }
        default: return HTTPResponse(statusCode: .methodNotAllowed)
        }
        let answer = await model.answer(request.path, body)
        return HTTPResponse(
            statusCode: HTTPStatusCode(answer.status, phrase: answer.status == 200 ? "OK" : "Refused"),
            headers: [.contentType: "application/json"], body: answer.body)
    }
}
