namespace Lguest.Jit.Switcher;

/// <summary>The I/O ports that lguest's Launcher emulates for its Guest (tools/lguest/lguest.c, emulate_insn).</summary>
internal interface IPortIo
{
    /// <summary>Reads 1, 2 or 4 bytes from <paramref name="port"/>; all ones where nothing answers.</summary>
    uint In(ushort port, int size);

    /// <summary>Writes the low 1, 2 or 4 bytes of <paramref name="value"/>.</summary>
    void Out(ushort port, int size, uint value);
}
