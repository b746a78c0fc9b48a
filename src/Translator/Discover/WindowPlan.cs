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

    /// <summary>
    /// Instructions that are translated for the sake of windows at most, again and again: a small loop may take many turns until all its classes are where they should be; in a large
    /// one there would always be another class that is better off without, and the compiler busy with nothing else.
    /// </summary>
    private const int Patience = 512;

    public static WindowPlan Initial { get; } = new();

    /// <summary>No windows at all: code that is passed through, in one process and then in another, would find them elsewhere each time.</summary>
    public static WindowPlan Shut { get; } = new() { IsShut = true };

    private bool IsShut { get; init; }

    /// <summary>Instructions that have been translated for the sake of windows so far.</summary>
    private int Spent { get; init; }

    /// <summary>What is not as it was at first: a handful.</summary>
    private Move[] Moved { get; init; } = [];

    /// <summary>The number of the window that accesses of this class look through, or <see cref="None"/>.</summary>
    public int Of(AccessClass accesses)
    {
        int at = IndexOf(accesses);
        return IsShut ? None : at >= 0 ? Moved[at].Window : accesses.IsStack ? 0 : 1;
    }

    /// <summary>This class gets a window of its own, if there is one left.</summary>
    public WindowPlan Split(AccessClass accesses)
    {
        int next = First;
        foreach (Move move in Moved)
        {
            next = Math.Max(next, move.Window + 1);
        }

        return next < Maximum ? To(accesses, next) : Scatter(accesses);
    }

    /// <summary>Has this class been moved before? Nothing is moved to and fro.</summary>
    public bool HasMoved(AccessClass accesses) => IndexOf(accesses) >= 0;

    /// <summary>This class looks through the same window as another.</summary>
    public WindowPlan Join(AccessClass accesses, AccessClass other) => To(accesses, Of(other));

    /// <summary>This class is better off without a window.</summary>
    public WindowPlan Scatter(AccessClass accesses) => To(accesses, None);

    /// <summary>The same for a region of so many instructions that is translated anew for it; none, and for good, if that has been too often.</summary>
    public WindowPlan Spend(int instructions)
    {
        int spent = Spent + instructions;
        return this with { Spent = spent, IsShut = IsShut || spent >= Patience };
    }

    private WindowPlan To(AccessClass accesses, int window)
    {
        int at = IndexOf(accesses);
        Move[] moved = at < 0 ? [.. Moved, default] : [.. Moved];
        moved[at < 0 ? ^1 : at] = new Move(accesses, window);
        return this with { Moved = moved };
    }

    private int IndexOf(AccessClass accesses)
    {
        for (int i = 0; i < Moved.Length; i++)
        {
            if (Moved[i].Class == accesses)
            {
                return i;
            }
        }

        return -1;
    }

    private readonly record struct Move(AccessClass Class, int Window);
}
