using System.Runtime.InteropServices;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// How often one page cache of a region misses. Translated code counts down; at zero it asks the engine, which knows how many
/// instructions that took, and whether the cache is worth having.
/// </summary>
internal sealed unsafe class CacheRecord
{
    /// <summary>Misses until the engine is asked.</summary>
    public const int Period = 8192;

    public CacheRecord(AccessClass accesses)
    {
        Class = accesses;
        Countdown = (nint)NativeMemory.AlignedAlloc(64, 64);
        Restart(0);
    }

    public AccessClass Class { get; }

    /// <summary>Host address of the counter: 32 bits.</summary>
    public nint Countdown { get; }

    /// <summary>Has it reached zero? Only while its region lives.</summary>
    public bool IsDue => *(int*)Countdown <= 0;

    /// <summary>Instructions that the Guest had completed when the counter was started.</summary>
    public long Since { get; private set; }

    /// <summary>Starts the counter anew.</summary>
    public void Restart(long now)
    {
        Since = now;
        *(int*)Countdown = Period;
    }
}
