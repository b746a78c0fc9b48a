namespace Lguest.Jit.Launcher.Console;

/// <summary>What the person at the terminal wants of us, rather than of the Guest.</summary>
internal enum EscapeCommand
{
    None,
    Quit,
    Help,
    Monitor,
}

/// <summary>
/// Ctrl-A and a letter, as other emulators have it: x quits, c opens the monitor, a (or Ctrl-A again) sends one Ctrl-A to the
/// Guest, h shows help; anything else is dropped with its Ctrl-A. Only for terminals: piped input is the Guest's, byte for byte.
/// </summary>
internal sealed class EscapeFilter
{
    public const byte Prefix = 1;

    public const string Help = "Ctrl-A x: quit; Ctrl-A c: monitor; Ctrl-A a: send Ctrl-A; Ctrl-A h: this help";

    private bool _prefixed;

    /// <summary>Copies what is for the Guest; stops after a command.</summary>
    /// <param name="typed">Bytes from the terminal.</param>
    /// <param name="forGuest">At least as long as <paramref name="typed"/>.</param>
    /// <param name="command">The first command met.</param>
    /// <param name="consumed">Bytes of <paramref name="typed"/> that are dealt with: all, or up to the command.</param>
    /// <returns>Bytes in <paramref name="forGuest"/>.</returns>
    public int Filter(ReadOnlySpan<byte> typed, Span<byte> forGuest, out EscapeCommand command, out int consumed)
    {
        int kept = 0;
        command = EscapeCommand.None;
        for (consumed = 0; consumed < typed.Length && command == EscapeCommand.None; consumed++)
        {
            byte key = typed[consumed];
            if (!_prefixed)
            {
                _prefixed = key == Prefix;
                if (!_prefixed)
                {
                    forGuest[kept++] = key;
                }

                continue;
            }

            _prefixed = false;
            switch (key)
            {
                case (byte)'x' or (byte)'X':
                    command = EscapeCommand.Quit;
                    break;
                case (byte)'c' or (byte)'C':
                    command = EscapeCommand.Monitor;
                    break;
                case (byte)'h' or (byte)'H' or (byte)'?':
                    command = EscapeCommand.Help;
                    break;
                case Prefix or (byte)'a' or (byte)'A':
                    forGuest[kept++] = Prefix;
                    break;
                default:
                    break;
            }
        }

        return kept;
    }
}
