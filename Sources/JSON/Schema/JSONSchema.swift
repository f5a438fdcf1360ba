// SPDX-License-Identifier: Apache-2.0
// JSONSchema: a compiled JSON Schema (draft 2020-12) for configurations and tool arguments.

/// A compiled schema. Immutable; may be shared between threads.
///
/// Supported: `type enum const properties required additionalProperties patternProperties propertyNames
/// minProperties maxProperties dependentRequired dependentSchemas items prefixItems contains minContains
/// maxContains minItems maxItems uniqueItems minimum maximum exclusiveMinimum exclusiveMaximum multipleOf
/// minLength maxLength pattern allOf anyOf oneOf not if then else $ref $defs $anchor default`. From earlier
/// drafts: `definitions`, `dependencies`, and an array as `items` with `additionalItems`.
///
/// `format` and every unknown keyword are annotations. Refused with an error: references that leave the
/// schema (nothing is ever fetched), `$dynamicRef`, `$recursiveRef`, `unevaluatedProperties` and
/// `unevaluatedItems` (unless `true`), references that lead back to themselves without going into the value,
/// and patterns beyond what `JSONSchemaPattern` reads. Schemas in `$defs` that no reference uses are not
/// looked at.
public struct JSONSchema: Sendable {
    /// Most subschemas in one schema.
    public static let maxSubschemas = 10_000
    /// Most steps of one validation, unless the caller says otherwise. A step is one subschema applied to one
    /// value, or a hundred units of a pattern's work.
    public static let maxSteps = 1_000_000
    /// Most violations that one validation reports.
    public static let maxViolations = 100

    let nodes: [SchemaNode]

    /// Compiles `schema`. Everything about the schema itself that is wrong is found here.
    public init(_ schema: JSONValue) throws(JSONSchemaError) {
        var compiler = SchemaCompiler(root: schema)
        nodes = try compiler.compile()
    }

    /// What is wrong with `value`; empty when it is valid. What takes more than `maxSteps` steps (about
    /// 0.1 us each) is reported as a violation with the keyword `$limit`: choose fewer on an event loop when nobody
    /// vouches for the schema and the value.
    public func validate(_ value: JSONValue, maxSteps: Int = maxSteps) -> [JSONSchemaViolation] {
        var validator = SchemaValidator(nodes: nodes, maxSteps: maxSteps)
        validator.check(0, value)
        return validator.violations
    }

    /// `value` with each missing property that has a `default` in an applicable `properties` filled in, also
    /// inside defaults that were filled in. Looks through `$ref` and `allOf`, `items` and `prefixItems`, not
    /// into alternatives. Does not validate.
    public func applyingDefaults(_ value: JSONValue) -> JSONValue {
        var filler = SchemaDefaults(nodes: nodes)
        return filler.fill(value, 0)
    }
}

/// A schema that cannot be used, and why.
public struct JSONSchemaError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Where in the schema (RFC 6901).
    public var pointer: JSONPointer
    /// A sentence without its full stop.
    public var message: String

    public init(pointer: JSONPointer, message: String) {
        self.pointer = pointer
        self.message = message
    }

    public var description: String { "JSON Schema at \"#\(pointer)\": \(message)." }
}

/// One thing that is wrong with a value.
public struct JSONSchemaViolation: Equatable, Sendable, CustomStringConvertible {
    /// Where in the value (RFC 6901).
    public var pointer: JSONPointer
    /// What was expected and what was found; a sentence without its full stop.
    public var message: String
    /// The keyword that failed, such as `type`.
    public var keyword: String

    public init(pointer: JSONPointer, message: String, keyword: String) {
        self.pointer = pointer
        self.message = message
        self.keyword = keyword
    }

    public var description: String {
        let sentence = message.hasSuffix("?") ? message : message + "."
        return pointer.tokens.isEmpty ? sentence : "\(pointer): \(sentence)"
    }
}
