using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Launcher.Virtio;
using Lguest.Jit.Switcher.Deterministic;

namespace Lguest.Jit.Launcher.Deterministic;

/// <summary>Types an <see cref="InputScript"/> on a Guest's console, each line at its tick.</summary>
/// <remarks>
/// What a Guest has not lived to see is there for the next one after a restart, whose ticks begin at 0 again.
/// </remarks>
internal sealed class ScriptedInput : ITimedEvents
{
    private readonly InputScript _script;
    private int _next;

    /// <param name="script">What to type.</param>
    public ScriptedInput(InputScript script)
    {
        _script = script;

        // It has room for all of it, so that nobody ever waits in a post.
        Queue = new ConsoleInputQueue(Math.Max(script.Length, 1));
    }

    /// <summary>Where it goes.</summary>
    public ConsoleInputQueue Queue { get; }

    /// <inheritdoc/>
    public long Due => _next < _script.Lines.Count ? _script.Lines[_next].Count : DeterministicPace.Never;

    /// <inheritdoc/>
    public void Fire() => _ = Queue.Post(_script.Lines[_next++].Bytes);

    /// <inheritdoc/>
    public void ExchangeState(StateArchive archive) => archive.Field(ref _next);
}
