namespace Lguest.Jit.Launcher.CommandLine;

/// <summary>Runtimes that are known to hurt us (design §12.16).</summary>
internal static class RuntimeCheck
{
    /// <summary>The first .NET 10 runtime without dotnet/runtime issue 131267.</summary>
    public static readonly Version FirstGood = new(10, 0, 12);

    /// <summary>One line, or null if <paramref name="runtime"/> is new enough.</summary>
    public static string? Warning(Version runtime) => runtime >= FirstGood
        ? null
        : $"lguest-jit: warning: .NET runtime {runtime} has a bug that can corrupt memory while code is generated (dotnet/runtime#131267); {FirstGood} or later has not";
}
