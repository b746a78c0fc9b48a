using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>A piece of a printed line: a text, or a value out of the Guest's memory.</summary>
internal readonly struct LinePart
{
    private readonly string? _text;
    private readonly uint _address;
    private readonly bool _hexadecimal;

    private LinePart(string? text, uint address, bool hexadecimal)
    {
        _text = text;
        _address = address;
        _hexadecimal = hexadecimal;
    }

    public static implicit operator LinePart(string text) => new(text, 0, false);

    /// <summary>The word at a virtual address, as 0x….</summary>
    public static LinePart Hex(uint address) => new(null, address, true);

    /// <summary>The word at a virtual address, in decimal.</summary>
    public static LinePart Decimal(uint address) => new(null, address, false);

    public void Emit(KernelAssembler k)
    {
        if (_text is not null)
        {
            k.Print(_text);
            return;
        }

        Assembler c = k.Asm;
        c.push(eax);
        c.mov(eax, KernelAssembler.Word(_address));
        c.call(_hexadecimal ? k.PutHex : k.PutDecimal);
        c.pop(eax);
    }
}
