import Foundation
import Testing

@Suite("the documentation")
struct DocumentationTests {
    @Test("every Swift block of 'Write a plugin' is part of the compiled example")
    func blocks() throws {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let example = try String(contentsOf: tests.appending(path: "BestOfN.swift"), encoding: .utf8)
        let page = try String(
            contentsOf: tests.appending(path: "../../Sources/ZooKit/ZooKit.docc/WriteAPlugin.md"), encoding: .utf8)
        let blocks = page.components(separatedBy: "```swift\n").dropFirst().compactMap { $0.components(separatedBy: "```").first }
        #expect(blocks.count == 6)
        for block in blocks { #expect(example.contains(block), "not in BestOfN.swift:\n\(block)") }
    }
}
