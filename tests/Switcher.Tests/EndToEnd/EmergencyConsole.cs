using System.Text;

namespace Lguest.Jit.Switcher.Tests.EndToEnd;

/// <summary>As much of a Launcher as a tiny Guest needs: the emergency write of the virtio console (ABI sheet §10.4).</summary>
internal sealed class EmergencyConsole : IPortIo
{
    private const uint WindowData = 0x80000894;

    private readonly StringBuilder _output = new();
    private uint _address;

    public string Output => _output.ToString();

    public uint In(ushort port, int size) => uint.MaxValue;

    public void Out(ushort port, int size, uint value)
    {
        if (port == 0xCF8)
        {
            _address = value;
        }
        else if (port == 0xCFC && _address == WindowData)
        {
            _ = _output.Append((char)(value & 0xFF));
        }
    }
}
