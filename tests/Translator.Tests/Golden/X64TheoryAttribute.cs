using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Translator.Tests.Golden;

/// <summary>
/// A test of exact machine code. RyuJIT makes other code in other versions, and for processors with other instructions, and none of
/// that is ours: so the listings say where they are from, and elsewhere the test is skipped, with the reason.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class X64TheoryAttribute : TheoryAttribute
{
    internal const string HostFile = "x64.host.txt";

    public X64TheoryAttribute()
    {
        if (!MachineCode.IsSupported)
        {
            Skip = "the listings are for x64, this is another processor";
        }
        else if (!GoldenFiles.Writing && GoldenFiles.Read(HostFile)?.TrimEnd() is var made && made != Host)
        {
            Skip = $"the listings are from {made ?? "nowhere"}; this is {Host}";
        }
    }

    /// <summary>Everything that RyuJIT's choice of instructions depends on.</summary>
    internal static string Host => $".NET {Environment.Version}, x64 {string.Join(' ', Instructions())}";

    private static IEnumerable<string> Instructions()
    {
        (string Name, bool Is)[] sets =
        [
            ("sse4.2", Sse42.IsSupported), ("avx2", Avx2.IsSupported), ("avx512", Avx512F.IsSupported), ("avx10", Avx10v1.IsSupported), ("bmi1", Bmi1.IsSupported),
            ("bmi2", Bmi2.IsSupported), ("lzcnt", Lzcnt.IsSupported), ("popcnt", Popcnt.IsSupported), ("fma", Fma.IsSupported),
            ("vector512", Vector512.IsHardwareAccelerated),
        ];
        return sets.Where(static s => s.Is).Select(static s => s.Name);
    }
}
