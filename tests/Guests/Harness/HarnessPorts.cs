using System.Text;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Guests.Harness;

/// <summary>The little of a Launcher's ports that <see cref="LguestHarness"/> needs: the emergency write, and the exit status.</summary>
internal sealed class HarnessPorts : IPortIo
{
    private const uint EmergencyData = 0x80000894;

    private readonly StringBuilder _output = new();
    private uint _latch;

    /// <summary>Told of each character as the Guest prints it: who takes the time wants to know now.</summary>
    public Action<char>? Printed { get; init; }

    /// <summary>What the Guest has printed so far.</summary>
    public string Output => _output.ToString();

    /// <summary>The byte at port 0xF4, or −1 while there is none.</summary>
    public int ExitStatus { get; private set; } = -1;

    /// <inheritdoc/>
    public uint In(ushort port, int size) => uint.MaxValue;

    /// <inheritdoc/>
    public void Out(ushort port, int size, uint value)
    {
        switch (port)
        {
            case 0xCF8:
                _latch = value;
                break;
            case 0xCFC when _latch == EmergencyData:
                _output.Append((char)(value & 0xFF));
                Printed?.Invoke((char)(value & 0xFF));
                break;
            case 0xF4:
                ExitStatus = (int)(value & 0xFF);
                break;
        }
    }
}
