using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;

namespace Lguest.Jit.Launcher.Reporting;

/// <summary>
/// Guest memory as the Guest's kernel would see it, for somebody who only looks: no accessed bits, no device registers, no
/// faults. What cannot be read cannot be read; the Guest may be dead because its page tables are garbage.
/// </summary>
internal sealed class GuestView(GuestMachine machine)
{
    public bool TryReadByte(uint linear, out byte value)
    {
        Span<byte> one = stackalloc byte[1];
        bool read = TryTranslate(linear, out uint physical) && machine.Ram.TryRead(physical, one);
        value = one[0];
        return read;
    }

    public bool TryRead32(uint linear, out uint value)
    {
        value = 0;
        for (int i = 3; i >= 0; i--)
        {
            if (!TryReadByte(linear + (uint)i, out byte part))
            {
                return false;
            }

            value = (value << 8) | part;
        }

        return true;
    }

    /// <summary>As many bytes as can be read in one run from <paramref name="linear"/> on.</summary>
    public int Read(uint linear, Span<byte> destination)
    {
        for (int i = 0; i < destination.Length; i++)
        {
            if (!TryReadByte(linear + (uint)i, out destination[i]))
            {
                return i;
            }
        }

        return destination.Length;
    }

    private bool TryTranslate(uint linear, out uint physical)
    {
        physical = linear;
        SoftMmu mmu = machine.Mmu;
        if (linear >= SoftMmu.SwitcherAddress)
        {
            return false;
        }

        if (!mmu.Paging)
        {
            return true;
        }

        WalkResult result = PageWalker.Walk(
            machine.Ram, mmu.PageDirectory, linear, write: false, user: false, mmu.DeviceLimit, out Translation translation, update: false);
        physical = translation.PhysicalPage | (linear & 0xFFF);
        return result == WalkResult.Ok;
    }
}
