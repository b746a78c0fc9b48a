namespace Lguest.Jit.Launcher.Pci;

/// <summary>
/// The registers behind BAR0 of a device. The Guest may come by memory access or through the PCI access window, with
/// any offset below <see cref="Size"/> and 1, 2 or 4 bytes; an access may reach over the end. Guest thread only.
/// </summary>
internal interface IBarRegion
{
    /// <summary>Bytes; a power of two.</summary>
    uint Size { get; }

    uint Read(uint offset, int size);

    void Write(uint offset, int size, uint value);
}
