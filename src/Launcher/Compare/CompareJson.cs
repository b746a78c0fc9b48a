using System.Text.Json;
using System.Text.Json.Nodes;
using Lguest.Jit.Launcher.Loading;

namespace Lguest.Jit.Launcher.Compare;

/// <summary>The same for machines.</summary>
internal static class CompareJson
{
    private const int Schema = 1;

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    /// <summary>One JSON document, ended.</summary>
    public static string Of(CompareOutcome outcome, SymbolTable symbols)
    {
        var root = new JsonObject
        {
            ["schema"] = Schema,
            ["command"] = "compare",
            ["result"] = outcome.Result,
            ["first"] = outcome.First,
            ["second"] = outcome.Second,
            ["instructions"] = outcome.Instructions,
            ["checkpoints"] = outcome.Checkpoints,
            ["every"] = outcome.Every,
            ["lives"] = outcome.Lives,
            ["seconds"] = Math.Round(outcome.Time.TotalSeconds, 3),
            ["hash"] = outcome.Hash,
            ["stopped"] = outcome.Stopped,
            ["end"] = outcome.End is { } end ? new JsonObject { ["kind"] = end.Kind.ToString(), ["message"] = end.Message } : null,
            ["reproduce"] = outcome.Reproduce,
            ["difference"] = outcome.Difference is { } difference ? Of(difference, symbols) : null,
        };
        return root.ToJsonString(s_indented) + "\n";
    }

    private static JsonObject Of(Difference difference, SymbolTable symbols) => new()
    {
        ["equalAfter"] = difference.Equal,
        ["differentAfter"] = difference.Unlike,
        ["narrow"] = difference.IsNarrow,
        ["exact"] = difference.IsExact,
        ["parts"] = Array(difference.First.Digest.PartsUnlike(difference.Second.Digest).Select(static part => JsonValue.Create(part))),
        ["block"] = difference.Trace is { } trace ? Of(trace.Culprit, symbols) : null,
        ["code"] = difference.Trace is { } code
            ? Array(code.Code.Select(static i => new JsonObject
            {
                ["eip"] = Hex(i.Eip),
                ["bytes"] = Convert.ToHexStringLower(i.Bytes),
                ["text"] = i.Text,
                ["next"] = i.IsNext,
            }))
            : null,
        ["state"] = Array(difference.Fields.Where(static pair => !pair.First.IsRare || pair.First.Value != pair.Second.Value).Select(static pair => new JsonObject
        {
            ["name"] = pair.First.Name,
            ["first"] = pair.First.Value,
            ["second"] = pair.Second.Value,
            ["differs"] = pair.First.Value != pair.Second.Value,
        })),
        ["memoryBytes"] = difference.MemoryBytes,
        ["memory"] = Array(difference.Memory.Select(static m => new JsonObject
        {
            ["physical"] = Hex(m.Physical),
            ["first"] = Convert.ToHexStringLower(m.First),
            ["second"] = Convert.ToHexStringLower(m.Second),
        })),
        ["verdict"] = difference.Verdict,
        ["sides"] = difference.Sides is { } sides ? Array([JsonValue.Create(sides.First), JsonValue.Create(sides.Second)]) : null,
        ["translations"] = Array(difference.Translations.Select(static t => new JsonObject
        {
            ["eip"] = Hex(t.Eip),
            ["blocks"] = t.Blocks,
            ["il"] = Array(t.Il.Select(static line => JsonValue.Create(line))),
            ["machineCode"] = Array(t.MachineCode.Select(static line => JsonValue.Create(line))),
        })),
        ["blocks"] = difference.Trace is { } path ? Array(path.Blocks.Select(block => Of(block, symbols))) : null,
    };

    private static JsonObject Of(TracedBlock block, SymbolTable symbols) => new()
    {
        ["eip"] = Hex(block.Eip),
        ["symbol"] = symbols.DescribePhysical(block.Eip),
        ["at"] = block.At,
        ["executed"] = block.Executed,
        ["cpl"] = block.Cpl,
        ["byTrap"] = block.ByTrap,
    };

    private static JsonArray Array(IEnumerable<JsonNode> nodes) => [.. nodes];

    private static string Hex(uint value) => $"0x{value:x8}";
}
