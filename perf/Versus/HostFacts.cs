using System.Runtime.InteropServices;

namespace Lguest.Jit.Perf.Versus;

/// <summary>What a reader of figures wants to know of the machine they come from.</summary>
/// <param name="Processor">Its name for itself; null where there is no /proc/cpuinfo.</param>
/// <param name="Cores">Logical ones, as many as this process may use.</param>
/// <param name="OperatingSystem">As the runtime describes it.</param>
/// <param name="Runtime">Version of .NET.</param>
internal sealed record HostFacts(string? Processor, int Cores, string OperatingSystem, string Runtime)
{
    public static HostFacts Read() =>
        new(ReadProcessor(), Environment.ProcessorCount, RuntimeInformation.OSDescription, RuntimeInformation.FrameworkDescription);

    /// <summary>Load average of the last minute; null where there is no such thing.</summary>
    public static double? ReadLoad() => File.Exists("/proc/loadavg") ? double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0]) : null;

    private static string? ReadProcessor() => File.Exists("/proc/cpuinfo")
        ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(static l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(": ", 2)[^1]
        : null;
}
