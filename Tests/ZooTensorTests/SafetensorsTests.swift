import Foundation
import Testing
import ZooBase
import ZooTensor

@Suite("safetensors")
struct SafetensorsTests {
    @Test("what is written is read back, bit for bit")
    func roundTrip() throws {
        try withTemporaryFolder { folder in
            let file = folder.appendingPathComponent("a.safetensors")
            let tensors = [
                NamedTensor("weights \"α\"", Tensor([1, -2.5, .infinity, .leastNonzeroMagnitude] as [Float], shape: [2, 2])),
                NamedTensor("ids", Tensor([Int64.min, 7], shape: [2])),
                NamedTensor("scalar", Tensor([3] as [Int32], shape: [])), NamedTensor("none", Tensor([Float](), shape: [0, 4])),
                NamedTensor("half", Tensor([0.5, -3] as [Float]).to(.float16)), NamedTensor("raw", Tensor([255, 0] as [UInt8])),
            ]
            try Safetensors.write(tensors, to: file)
            let found = try Safetensors.read(file)
            #expect(found.count == tensors.count)
            for item in tensors {
                let tensor = try #require(found[item.name])
                #expect(tensor.shape == item.tensor.shape)
                #expect(tensor.dtype == item.tensor.dtype)
                #expect(tensor.bytes == item.tensor.bytes)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.safetensors"])
        }
    }

    @Test("sharded models are read through their index")
    func sharded() throws {
        try withTemporaryFolder { folder in
            try Safetensors.write([NamedTensor("a", .ones([2]))], to: folder.appendingPathComponent("one.safetensors"))
            try Safetensors.write([NamedTensor("b", .zeros([3]))], to: folder.appendingPathComponent("two.safetensors"))
            let index = folder.appendingPathComponent("model.safetensors.index.json")
            try Data(#"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}"#.utf8).write(to: index)
            #expect(try Safetensors.readModel(in: folder).mapValues(\.shape) == ["a": [2], "b": [3]])
            try Data(#"{"weight_map": {"a": "one.safetensors", "c": "two.safetensors"}}"#.utf8).write(to: index)
            #expect(throws: TensorError.self) { try Safetensors.readModel(in: folder) }
            try FileManager.default.removeItem(at: folder.appendingPathComponent("two.safetensors"))
            try Data(#"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}"#.utf8).write(to: index)
            let error = #expect(throws: FileError.self) { try Safetensors.readModel(in: folder) }
            #expect(
                error?.description.hasSuffix(
                    "two.safetensors: there is no such file, though model.safetensors.index.json places b in it") == true)
        }
    }

    @Test("a shard may not hold what the index places in another, nor what it does not know")
    func misplaced() throws {
        try withTemporaryFolder { folder in
            let index = folder.appendingPathComponent("model.safetensors.index.json")
            for name in ["one", "two"] {
                try Safetensors.write(
                    [NamedTensor("a", .ones([2]))], to: folder.appendingPathComponent("\(name).safetensors"))
            }
            try Data(#"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}"#.utf8).write(to: index)
            let error = #expect(throws: TensorError.self) { try Safetensors.readModel(in: folder) }
            #expect(error?.description.contains("two.safetensors: holds a, which the index assigns to one.safetensors") == true)
        }
    }

    @Test(
        "an index that cannot be is refused by file and key",
        arguments: [
            (#"{"weight_map": {"a": "../one.safetensors"}}"#, #"places a in "../one.safetensors"; expected a file of this"#),
            (#"{"weight_map": {"a": "/etc/passwd"}}"#, "places a in"), (#"{"weight_map": {"a": ".."}}"#, "places a in"),
            (#"{"weight_map": {"a": "one.safetensors\u0000.txt"}}"#, "places a in"),
            (#"{"weight_map": {"a": "sub\\one.safetensors"}}"#, "places a in"), (#"{"weight_map": {"a": ""}}"#, "places a in"),
            (#"{"weight_map": {"a": "one.safetensors", "a": "two.safetensors"}}"#, "the key 'a' occurs twice (byte 41)"),
            (#"{"weight_map": {}, "weight_map": {}}"#, "the key 'weight_map' occurs twice (byte 20)"),
            (#"{"weight_map": {"a": 1}}"#, "expected a string, found '1'"),
            (#"{"weight_map": ["a"]}"#, "expected '{', found '['"),
            (#"{"metadata": {"total_size": 8}}"#, "expected a weight_map"), ("{", "found the end (byte 2)"),
            ("", "found the end (byte 1)"),
            (#"{"metadata": \#(String(repeating: "[", count: 100_000))"#, "nest more than 64 deep"),
            (#"{"metadata": ~}"#, "expected a value, found '~'"),
            (#"{"weight_map": {}} x"#, "expected the end after the value, found 'x'"),
        ])
    func hostileIndex(json: String, says: String) throws {
        try withTemporaryFolder { folder in
            try Safetensors.write([NamedTensor("a", .ones([2]))], to: folder.appendingPathComponent("one.safetensors"))
            try Data(json.utf8).write(to: folder.appendingPathComponent("model.safetensors.index.json"))
            let error = #expect(throws: TensorError.self) { try Safetensors.readModel(in: folder) }
            let text = error?.description ?? ""
            #expect(text.contains("model.safetensors.index.json: ") && text.contains(says), "\(text)")
        }
    }

    struct Hostile: Sendable, CustomTestStringConvertible {
        let fault: String, header: String, bytes: Int, says: String
        var length: UInt64?
        var testDescription: String { fault }
    }

    private static let a = #""a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#

    @Test(
        "a lying header is refused by file and key",
        arguments: [
            Hostile(fault: "length beyond the file", header: "{\(a)}", bytes: 8, says: "the header claims", length: 1 << 40),
            Hostile(fault: "length that overflows", header: "{\(a)}", bytes: 8, says: "the header claims", length: .max),
            Hostile(fault: "no JSON", header: "hello", bytes: 0, says: "expected '{', found 'h' (byte 9)"),
            Hostile(fault: "cut short", header: "{\(a)", bytes: 8, says: "found the end"),
            Hostile(fault: "text after the end", header: "{\(a)} x", bytes: 8, says: "expected the end after the value"),
            Hostile(
                fault: "shape that overflows",
                header: #"{"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,0]}}"#, bytes: 0,
                says: "a has the impossible shape"),
            Hostile(
                fault: "size beyond 64 bits",
                header: #"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}}"#,
                bytes: 8, says: "whole number"),
            Hostile(
                fault: "negative size", header: #"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, bytes: 8,
                says: "whole number"),
            Hostile(
                fault: "offset past the end", header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#, bytes: 8,
                says: "a claims bytes 8 to 16"),
            Hostile(
                fault: "offsets that go backwards", header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, bytes: 8,
                says: "a claims bytes"),
            Hostile(
                fault: "shape and offsets that disagree", header: #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#,
                bytes: 8, says: "a of shape [3] needs 12 bytes"),
            Hostile(
                fault: "overlap", header: #"{\#(a),"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, bytes: 12,
                says: "b overlaps"),
            Hostile(
                fault: "hole", header: #"{\#(a),"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}"#, bytes: 16,
                says: "b leaves a hole"),
            Hostile(fault: "bytes left over", header: "{\(a)}", bytes: 12, says: "4 bytes at the end"),
            Hostile(
                fault: "unknown element type", header: #"{"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}"#, bytes: 8,
                says: "a has the element type F31"),
            Hostile(fault: "duplicate tensor", header: "{\(a),\(a)}", bytes: 8, says: "the key 'a' occurs twice"),
            Hostile(
                fault: "duplicate tensor behind an escape", header: "{\(a),\(a.replacing("\"a\"", with: "\"\\u0061\""))}",
                bytes: 8,
                says: "the key 'a' occurs twice"),
            Hostile(
                fault: "more sizes than a tensor has",
                header: #"{"a":{"dtype":"F32","shape":[\#(String(repeating: "1,", count: 16))1],"data_offsets":[0,4]}}"#,
                bytes: 4,
                says: "a list of more than 16 numbers"),
            Hostile(
                fault: "missing field", header: #"{"a":{"dtype":"F32","shape":[2]}}"#, bytes: 8, says: "a needs dtype, shape"),
            Hostile(
                fault: "unknown field", header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}"#, bytes: 8,
                says: "a has the unknown key 'x'"),
        ])
    func hostile(_ fault: Hostile) throws {
        try Self.refuse(Data(fault.header.utf8), length: fault.length, bytes: fault.bytes, says: fault.says)
    }

    @Test("a header that is not UTF-8 is refused")
    func notText() throws {
        try Self.refuse(Data([0x7B, 0x22, 0xFF, 0x22, 0x7D]), length: nil, bytes: 0, says: "not UTF-8")
    }

    @Test("every cut of a good file is refused")
    func truncation() throws {
        try withTemporaryFolder { folder in
            let file = folder.appendingPathComponent("a.safetensors")
            let cut = folder.appendingPathComponent("cut.safetensors")
            try Safetensors.write([NamedTensor("a", .ones([3])), NamedTensor("b", .ones([2]))], to: file)
            let data = try Data(contentsOf: file)
            for count in 0..<data.count {
                try data.prefix(count).write(to: cut)
                #expect(throws: TensorError.self, "\(count) bytes") { try Safetensors.read(cut) }
            }
        }
    }

    @Test("a disk that takes no more leaves neither the file nor a part of it")
    func fullDisk() async {
        await #expect(processExitsWith: .success) {
            // A limit on the size of files fails the write just as a full disk does, only with another number.
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 4096, rlim_max: 4096)
            precondition(setrlimit(fileSizeLimit, &limit) == 0)
            try withTemporaryFolder { folder in
                let file = folder.appendingPathComponent("a.safetensors")
                do {
                    try Safetensors.write([NamedTensor("a", .ones([4096]))], to: file)
                    preconditionFailure("the write succeeded")
                } catch let error as FileError {
                    precondition(error.description.hasPrefix("\(file.path): cannot be written: "))
                }
                let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
                precondition(left.isEmpty, "\(left) is left")
            }
        }
    }

    @Test("a folder that does not exist is named")
    func missingFolder() throws {
        try withTemporaryFolder { folder in
            let file = folder.appendingPathComponent("missing/a.safetensors")
            let error = #expect(throws: FileError.self) { try Safetensors.write([NamedTensor("a", .ones([3]))], to: file) }
            #expect(error?.description.contains(file.path) == true)
        }
    }

    private static func refuse(_ header: Data, length: UInt64?, bytes: Int, says: String) throws {
        try withTemporaryFolder { folder in
            let file = folder.appendingPathComponent("hostile.safetensors")
            var data = withUnsafeBytes(of: (length ?? UInt64(header.count)).littleEndian) { Data($0) }
            data.append(header)
            data.append(Data(repeating: 0, count: bytes))
            try data.write(to: file)
            let error = #expect(throws: TensorError.self) { try Safetensors.read(file) }
            let text = error?.description ?? ""
            #expect(text.contains("hostile.safetensors"))
            #expect(text.contains(says), "\(text)")
        }
    }
}
