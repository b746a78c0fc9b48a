using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Console;

/// <summary>Stdin, with or without a terminal, from the moment there is a Guest to talk to until the last one has ended.</summary>
/// <param name="open">Opens stdin; null: there is none.</param>
/// <param name="hasTerminal">Put the terminal into raw mode, and keep Ctrl-A for ourselves.</param>
/// <param name="queue">Where the bytes go.</param>
/// <param name="onCommand">Called, on the reader's thread, for each escape.</param>
/// <param name="monitor">Gets what is typed while it is open.</param>
internal sealed class ConsoleListener(Func<Stream>? open, bool hasTerminal, ConsoleInputQueue queue, Action<EscapeCommand> onCommand, GuestMonitor monitor) : IDisposable
{
    private RawTerminal? _terminal;
    private bool _started;

    /// <summary>Begins to read; only the first call does anything.</summary>
    public void Start()
    {
        if (_started || open is null)
        {
            return;
        }

        _started = true;
        _terminal = hasTerminal ? RawTerminal.TryEnter() : null;
        if (_terminal is not null)
        {
            _terminal.Resized = TellSize;
            TellSize();
        }

        EscapeFilter? escapes = _terminal is null ? null : new EscapeFilter();
        new ConsoleInput(open, queue, escapes, onCommand, monitor).Start();
    }

    private void TellSize()
    {
        if (RawTerminal.Size is { } size)
        {
            queue.Resize(size);
        }
    }

    /// <summary>
    /// Restores the terminal. The reader's thread may hang in its read for ever; it is a background thread, and nothing
    /// that it still gets will go anywhere.
    /// </summary>
    public void Dispose()
    {
        queue.Close();
        _terminal?.Dispose();
    }
}
