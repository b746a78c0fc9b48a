using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Console;

/// <summary>
/// Reads the Host's stdin on a thread of its own, for as long as there is any. The end of stdin, or an error in reading
/// it, ends the input and not the Guest (design §12.12).
/// </summary>
/// <param name="stream">Opened by the reader's thread only, since opening can block as well.</param>
/// <param name="queue">Where the bytes go.</param>
/// <param name="escapes">Given for a terminal.</param>
/// <param name="onCommand">Called on the reader's thread for each escape.</param>
/// <param name="monitor">Gets what is typed while it is open; null: there is none.</param>
internal sealed class ConsoleInput(Func<Stream> stream, ConsoleInputQueue queue, EscapeFilter? escapes, Action<EscapeCommand> onCommand, GuestMonitor? monitor = null)
{
    private const int ChunkBytes = 4096;

    public void Start() => new Thread(ReadAll) { IsBackground = true, Name = "console input" }.Start();

    /// <summary>The reader's thread.</summary>
    internal void ReadAll()
    {
        byte[] typed = new byte[ChunkBytes];
        try
        {
            using Stream source = stream();
            int length;
            while ((length = source.Read(typed, 0, typed.Length)) > 0)
            {
                if (!Pass(typed.AsSpan(0, length)))
                {
                    return;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // Closed, a directory, or a terminal that hung up: to the Guest all of these are silence.
            return;
        }
    }

    private bool Pass(ReadOnlySpan<byte> typed)
    {
        if (escapes is null)
        {
            return queue.Post(typed);
        }

        Span<byte> forGuest = stackalloc byte[ChunkBytes];
        while (!typed.IsEmpty)
        {
            if (monitor is { IsOpen: true })
            {
                typed = typed[monitor.Type(typed)..];
                continue;
            }

            int kept = escapes.Filter(typed, forGuest, out EscapeCommand command, out int consumed);
            typed = typed[consumed..];
            if (command != EscapeCommand.None)
            {
                onCommand(command);
            }

            if (!queue.Post(forGuest[..kept]))
            {
                return false;
            }
        }

        return true;
    }
}
