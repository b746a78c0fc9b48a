
namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// How often one page cache of a region misses. Translated code counts down; at zero it asks the engine, which knows how many
/// instructions that took, and whether the cache is worth having.
/// </summary>
internal sealed unsafe class CacheRecord
{
    private const int FirstPeriod = 8192;

    public CacheRecord(AccessClass accesses)
    {
        Class = accesses;
        Countdown = (nint)HostAllocations.Take(64, 64);
        Period = FirstPeriod;
        *(int*)Countdown = Period;
    }

    public AccessClass Class { get; }

    /// <summary>Host address of the counter: 32 bits.</summary>
    public nint Countdown { get; }

    /// <summary>Has it reached zero? Only while its region lives.</summary>
    public bool IsDue => *(int*)Countdown <= 0;

    /// <summary>Instructions that the Guest had completed when the counter was started.</summary>
    public long Since { get; private set; }

    /// <summary>Misses from one time that the engine is asked to the next: longer each time, as the answer will hardly change.</summary>
    public int Period { get; private set; }

    /// <summary>Starts the counter anew.</summary>
    /// <param name="now">Instructions completed.</param>
    /// <param name="forGood">There is no need to ask again.</param>
    public void Restart(long now, bool forGood)
    {
        Since = now;
        Period = forGood ? int.MaxValue : (int)Math.Min(Period * 4L, int.MaxValue);
        *(int*)Countdown = Period;
    }
}
