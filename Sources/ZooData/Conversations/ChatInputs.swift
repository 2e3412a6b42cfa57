import ZooBase

/// What a row gives the template besides its messages.
public struct ChatInputs: Sendable, Equatable {
    /// An array of JSON schemas of tools, for templates that name them to the model: the column `tools`.
    public var tools: JSONValue?
    /// Variables of the template: the column `chat_template_kwargs`.
    public var variables: [String: JSONValue]

    public init(tools: JSONValue? = nil, variables: [String: JSONValue] = [:]) {
        self.tools = tools
        self.variables = variables
    }
}
