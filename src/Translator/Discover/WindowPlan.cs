using System.Collections.Immutable;
using Lguest.Jit.Translator.Emit;

namespace Lguest.Jit.Translator.Discover;

/// <summary>
/// Through which window the accesses of a region look at memory, class by class. A region that is seen to loop begins with two, the stack's
/// and one for all else; what that leads to is seen when it runs (<see cref="Tiering.WindowTuner"/>).
/// </summary>
internal sealed record WindowPlan
{
    /// <summary>No window: the accesses ask the soft TLB each time.</summary>
    public const int None = -1;

    /// <summary>Windows of a region at most: each takes three of the Host's registers.</summary>
    private const int Maximum = 4;

    private const int First = 2;

    public static WindowPlan Initial { get; } = new();

    /// <summary>No windows at all: code that is passed through, in one process and then in another, would find them elsewhere each time.</summary>
    public static WindowPlan Shut { get; } = new() { IsShut = true };

    private bool IsShut { get; init; }

    /// <summary>What is not as it was at first.</summary>
    private ImmutableDictionary<AccessClass, int> Moved { get; init; } = ImmutableDictionary<AccessClass, int>.Empty;

    /// <summary>The number of the window that accesses of this class look through, or <see cref="None"/>.</summary>
    public int Of(AccessClass accesses) => IsShut ? None : Moved.TryGetValue(accesses, out int window) ? window : accesses.IsStack ? 0 : 1;

    /// <summary>This class gets a window of its own, if there is one left.</summary>
    public WindowPlan Split(AccessClass accesses)
    {
        int next = Moved.IsEmpty ? First : Math.Max(First, Moved.Values.Max() + 1);
        return next < Maximum ? this with { Moved = Moved.SetItem(accesses, next) } : Scatter(accesses);
    }

    /// <summary>Has this class been moved before? Nothing is moved to and fro.</summary>
    public bool HasMoved(AccessClass accesses) => Moved.ContainsKey(accesses);

    /// <summary>This class looks through the same window as another.</summary>
    public WindowPlan Join(AccessClass accesses, AccessClass other) => this with { Moved = Moved.SetItem(accesses, Of(other)) };

    /// <summary>This class is better off without a window.</summary>
    public WindowPlan Scatter(AccessClass accesses) => this with { Moved = Moved.SetItem(accesses, None) };
}
