using System.Globalization;

namespace Lguest.Jit.Launcher.Reporting;

/// <summary>x86's vectors for people.</summary>
internal static class TrapNames
{
    /// <summary>Those that have a name.</summary>
    public static IReadOnlyDictionary<int, string> All { get; } = new Dictionary<int, string>
    {
        [0] = "divide error",
        [1] = "debug",
        [3] = "breakpoint",
        [4] = "overflow",
        [5] = "bound",
        [6] = "invalid opcode",
        [7] = "device not available",
        [10] = "invalid TSS",
        [11] = "segment not present",
        [12] = "stack fault",
        [13] = "general protection",
        [14] = "page fault",
        [16] = "x87",
        [17] = "alignment check",
        [19] = "SIMD",
        [0x80] = "system call",
    };

    /// <summary>"14 page fault", or the number alone.</summary>
    public static string Of(int vector)
    {
        string number = vector.ToString(CultureInfo.InvariantCulture);
        return All.TryGetValue(vector, out string? name) ? $"{number} {name}" : number;
    }
}
