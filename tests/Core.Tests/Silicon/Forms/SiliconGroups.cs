using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>The table of everything that has been asked of silicon.</summary>
internal static class SiliconGroups
{
    public static IReadOnlyList<SiliconGroup> All { get; } =
    [
        new("alu", AluForms.AddRegisterForms),
        new("alu-immediate", AluForms.AddImmediateForms),
        new("unary", UnaryForms.Add),
        new("multiply", MultiplyForms.Add),
        new("shifts", ShiftForms.Add),
        new("bits", BitForms.Add),
        new("conditional", BitForms.AddConditional),
        new("moves", MoveForms.Add),
        new("stack", StackForms.Add),
        new("strings", StringForms.Add),
        new("control", ControlForms.Add),
        new("system", SystemForms.Add, SegmentForms.Add),
        new("address16", Address16Forms.Add),
        new("pairs", PairForms.Add),
        new("sequences", SequenceForms.Add),
        new("mmx", MmxForms.AddMmx),
        new("xmm", MmxForms.AddXmm),
        new("sse-moves", FloatForms.AddMoves),
        new("sse-single", FloatForms.AddSingle),
        new("sse-double", FloatForms.AddDouble),
        new("sse-packed", FloatForms.AddPacked),
        new("sse-conversions", FloatForms.AddConversions),
    ];
}
