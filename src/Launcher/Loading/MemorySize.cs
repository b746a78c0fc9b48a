namespace Lguest.Jit.Launcher.Loading;

/// <summary>Sizes of memory as people read them.</summary>
internal static class MemorySize
{
    /// <summary>"64 MiB", rounded up; small ones in KiB.</summary>
    public static string Describe(ulong bytes)
    {
        const ulong MiB = 1 << 20;
        return bytes < MiB ? $"{(bytes >> 10) + ((bytes & 0x3FF) != 0 ? 1u : 0)} KiB" : $"{(bytes / MiB) + (bytes % MiB != 0 ? 1u : 0)} MiB";
    }
}
