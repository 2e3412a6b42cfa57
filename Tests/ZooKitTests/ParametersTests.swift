import Testing
import ZooKit

@Suite("parameters")
struct ParametersTests {
    enum Mode: String, CaseIterable, ParameterValue {
        case fast
        case verySlow = "very-slow"
    }

    /// What a card may say of a parameter beside its type.
    struct Annotated: ParameterSet {
        @Parameter("Passes.", in: 1...9, counts: .passes, aliases: ["num_iterations"], formerly: ["rounds"]) var epochs = 1
        @Parameter("Samples.", in: 1...9, counts: .samplesPerPrompt) var samples = 1
        @Parameter("Perhaps.", in: 0...1, aliases: ["top"]) var ceiling: Double? = nil
        @Parameter("On or off.", formerly: ["on", "off"]) var enabled = true
    }

    struct Sample: ParameterSet {
        @Parameter("How many.", in: 1...10) var groupSize = 4
        @Parameter("A \"quoted\" rate.", in: 0...0.5) var rate = 0.25
        @Parameter("On or off.") var enabled = true
        @Parameter("Which.") var mode = Mode.fast
        @Parameter("Perhaps.", in: 0...1) var ceiling: Double? = nil

        func validate() throws {
            if mode == .verySlow, groupSize == 1 { throw ZooError(.invalidArgument, "very-slow needs group_size of at least 2") }
        }
    }

    @Test("absent parameters take their default")
    func defaults() throws {
        for json in ["", "{}", " { } "] {
            let sample = try Sample(json: json)
            #expect(sample.groupSize == 4)
            #expect(sample.rate == 0.25)
            #expect(sample.enabled)
            #expect(sample.mode == .fast)
            #expect(sample.ceiling == nil)
        }
    }

    @Test("given ones are read by their name in snake case, and an integer fits where a number is expected")
    func given() throws {
        let sample = try Sample(json: #"{"group_size": 10, "rate": 0, "enabled": false, "mode": "very-slow", "ceiling": 0.5}"#)
        #expect(sample.groupSize == 10)
        #expect(sample.rate == 0)
        #expect(!sample.enabled)
        #expect(sample.mode == .verySlow)
        #expect(sample.ceiling == 0.5)
        #expect(try Sample(json: #"{"ceiling": null}"#).ceiling == nil)
    }

    @Test(
        "what does not fit is refused by name, with what was expected and what was found",
        arguments: [
            (#"{"group_sise": 3}"#, "unknown parameter 'group_sise'; did you mean 'group_size'?"),
            (#"{"xylophone": 3}"#, "Known: group_size, rate, enabled, mode, ceiling"),
            (#"{"group_size": 2.5}"#, "parameter 'group_size' is 2.5; expected an integer"),
            (#"{"group_size": "2"}"#, "parameter 'group_size' is \"2\"; expected an integer"),
            (#"{"group_size": true}"#, "parameter 'group_size' is true; expected an integer"),
            (#"{"group_size": null}"#, "parameter 'group_size' is null; expected an integer"),
            (#"{"group_size": 0}"#, "parameter 'group_size' is 0; expected a value from 1 to 10"),
            (#"{"group_size": 11}"#, "parameter 'group_size' is 11; expected a value from 1 to 10"),
            (#"{"rate": 0.51}"#, "parameter 'rate' is 0.51; expected a value from 0 to 0.5"),
            (#"{"rate": [0.1]}"#, "parameter 'rate' is an array; expected a number"),
            (#"{"enabled": 1}"#, "parameter 'enabled' is 1; expected true or false"),
            (#"{"mode": "slow"}"#, "parameter 'mode' is \"slow\"; expected one of \"fast\", \"very-slow\""),
            (#"{"ceiling": 2}"#, "parameter 'ceiling' is 2; expected a value from 0 to 1"),
            (#"{"ceiling": "x"}"#, "parameter 'ceiling' is \"x\"; expected a number or null"),
            (#"{"group_size": 1, "mode": "very-slow"}"#, "very-slow needs group_size of at least 2"),
            ("[1]", "not a JSON object"),
            ("{\"rate\": 0.1", "not valid JSON"),
        ])
    func refused(json: String, sentence: String) {
        let error = #expect(throws: ZooError.self) { try Sample(json: json) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains(sentence) == true, "\(error?.message ?? "no error")")
    }

    @Test("the schema says type, default, range or choices, and documentation, in the order of declaration")
    func schema() {
        #expect(
            Sample.schema == """
                {"type": "object", "additionalProperties": false, "properties": {\
                "group_size": {"type": "integer", "default": 4, "minimum": 1, "maximum": 10, "description": "How many."}, \
                "rate": {"type": "number", "default": 0.25, "minimum": 0, "maximum": 0.5, "description": "A \\"quoted\\" rate."}, \
                "enabled": {"type": "boolean", "default": true, "description": "On or off."}, \
                "mode": {"type": "string", "enum": ["fast", "very-slow"], "default": "fast", "description": "Which."}, \
                "ceiling": {"type": ["number", "null"], "default": null, "minimum": 0, "maximum": 1, "description": "Perhaps."}}, \
                "order": ["group_size", "rate", "enabled", "mode", "ceiling"]}
                """)
    }

    @Test("the schema says what a number counts, and other and former names")
    func annotations() {
        #expect(
            Annotated.schema == """
                {"type": "object", "additionalProperties": false, "properties": {\
                "epochs": {"type": "integer", "default": 1, "minimum": 1, "maximum": 9, "description": "Passes.", \
                "counts": "passes", "aliases": ["num_iterations"], "formerly": ["rounds"]}, \
                "samples": {"type": "integer", "default": 1, "minimum": 1, "maximum": 9, "description": "Samples.", \
                "counts": "samples_per_prompt"}, \
                "ceiling": {"type": ["number", "null"], "default": null, "minimum": 0, "maximum": 1, "description": "Perhaps.", \
                "aliases": ["top"]}, \
                "enabled": {"type": "boolean", "default": true, "description": "On or off.", "formerly": ["on", "off"]}}, \
                "order": ["epochs", "samples", "ceiling", "enabled"]}
                """)
        #expect(throws: ZooError.self) { try Annotated(json: #"{"num_iterations": 2}"#) }
    }

    @Test("every set of parameters has its own values")
    func independent() throws {
        let first = try Sample(json: #"{"group_size": 9}"#)
        let second = Sample()
        #expect(first.groupSize == 9)
        #expect(second.groupSize == 4)
    }
}
