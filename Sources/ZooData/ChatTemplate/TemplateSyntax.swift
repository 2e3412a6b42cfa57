/// An expression of a template, with the line on which it begins.
struct Expression {
    indirect enum Kind {
        case constant(TemplateValue)
        case name(String)
        case list([Expression], isTuple: Bool)
        case map([(key: Expression, value: Expression)])
        /// `a.name`
        case attribute(Expression, String)
        /// `a[key]`
        case item(Expression, Expression)
        /// `a[from:to:by]`
        case slice(Expression, Expression?, Expression?, Expression?)
        case call(Expression, Arguments)
        /// `a|name(…)`; without a value in a block that ends in a filter.
        case filter(Expression, String, Arguments)
        /// `a is name(…)`
        case test(Expression, String, Arguments, negated: Bool)
        case not(Expression)
        /// `-a` or `+a`
        case sign(String, Expression)
        case binary(String, Expression, Expression)
        /// `a < b <= c`
        case compare(Expression, [(sign: String, operand: Expression)])
        /// `a if condition else b`
        case condition(Expression, then: Expression, else: Expression?)
    }

    let kind: Kind
    let line: Int
    /// Expressions within one another, this one included.
    let depth: Int

    init(kind: Kind, line: Int) {
        (self.kind, self.line) = (kind, line)
        depth = 1 + kind.innerDepth
    }
}

extension Expression.Kind {
    fileprivate var innerDepth: Int {
        func deepest(_ expressions: [Expression?]) -> Int { expressions.reduce(0) { max($0, $1?.depth ?? 0) } }
        switch self {
        case .constant, .name: return 0
        case .list(let items, _): return deepest(items)
        case .map(let entries): return deepest(entries.flatMap { [$0.key, $0.value] })
        case .attribute(let value, _), .not(let value), .sign(_, let value): return value.depth
        case .item(let value, let key): return deepest([value, key])
        case .slice(let value, let from, let to, let by): return deepest([value, from, to, by])
        case .call(let value, let arguments), .filter(let value, _, let arguments), .test(let value, _, let arguments, _):
            return deepest([value] + arguments.positional + arguments.named.map(\.value))
        case .binary(_, let left, let right): return deepest([left, right])
        case .compare(let first, let others): return deepest([first] + others.map(\.operand))
        case .condition(let test, let then, let otherwise): return deepest([test, then, otherwise])
        }
    }
}

/// What stands between the parentheses of a call.
struct Arguments {
    var positional: [Expression] = []
    var named: [(name: String, value: Expression)] = []
}

/// What a loop or `set` gives a value to.
indirect enum Target {
    case name(String)
    case attribute(String, String)
    case tuple([Target])
}

struct Statement {
    indirect enum Kind {
        case text(Text)
        case output(Expression)
        case condition([(test: Expression, body: [Statement])], otherwise: [Statement])
        case loop(Loop)
        case set(Target, Expression)
        /// `{% set x %}…{% endset %}`, with the filters of the opening tag.
        case capture(String, [Statement], filters: [(name: String, arguments: Arguments, line: Int)])
        case macro(Macro)
        /// What the model is to say: `{% generation %}…{% endgeneration %}`.
        case generation([Statement])
        case `break`, `continue`
    }

    var kind: Kind
    var line: Int
}

struct Loop {
    var target: Target
    var items: Expression
    var condition: Expression?
    var body: [Statement]
    var otherwise: [Statement]
}

final class Macro {
    let name: String
    let parameters: [(name: String, standard: Expression?)]
    let body: [Statement]

    init(name: String, parameters: [(name: String, standard: Expression?)], body: [Statement]) {
        self.name = name
        self.parameters = parameters
        self.body = body
    }
}
