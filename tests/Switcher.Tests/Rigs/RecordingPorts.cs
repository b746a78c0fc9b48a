namespace Lguest.Jit.Switcher.Tests.Rigs;

/// <summary>Remembers what was written, and answers every read with the same bits.</summary>
internal sealed class RecordingPorts : IPortIo
{
    public List<(bool Out, ushort Port, int Size, uint Value)> Accesses { get; } = [];

    public uint Answer { get; set; } = 0x8765_4321;

    /// <summary>Called on each access, as a device that raises its line would be.</summary>
    public Action? Device { get; set; }

    public uint In(ushort port, int size)
    {
        Accesses.Add((false, port, size, Answer));
        Device?.Invoke();
        return Answer;
    }

    public void Out(ushort port, int size, uint value)
    {
        Accesses.Add((true, port, size, value));
        Device?.Invoke();
    }
}
