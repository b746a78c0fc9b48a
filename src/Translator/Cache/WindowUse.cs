using Lguest.Jit.Translator.Emit;

namespace Lguest.Jit.Translator.Cache;

/// <summary>How the accesses of one class get on with the window that they look through.</summary>
/// <param name="accesses">The class.</param>
/// <param name="window">Number of the window in the region's table.</param>
/// <param name="record">What stands for this use in <see cref="Core.State.GuestCpu.MissRecord"/>: a Host address that the region owns.</param>
internal sealed class WindowUse(AccessClass accesses, int window, nint record)
{
    public AccessClass Class { get; } = accesses;

    public int Window { get; } = window;

    public nint Record { get; } = record;

    /// <summary>Is it the only class that looks through this window?</summary>
    public bool IsAlone { get; set; }

    /// <summary>Misses of pages that are mapped, since <see cref="Since"/>.</summary>
    public int Misses { get; set; }

    /// <summary>Pages that the window has got back, having lost them in a flush, since <see cref="Since"/>.</summary>
    public uint Regained { get; set; }

    /// <summary>Pages inside, at most so far.</summary>
    public uint Largest { get; set; }

    /// <summary>Instructions that the Guest had completed when the count began; −1: it has not.</summary>
    public long Since { get; set; } = -1;

    /// <summary>Misses that were due to the window's being elsewhere, or to a page that may not be written.</summary>
    public int Conflicts { get; set; }
}
