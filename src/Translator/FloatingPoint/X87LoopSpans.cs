using Iced.Intel;
using Lguest.Jit.Translator.Emit;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>A stretch of memory that a loop's thunk has checked, and has the Host address of in a register.</summary>
/// <param name="Form">Whose address it is relative to, as the registers were then.</param>
/// <param name="Low">First displacement inside.</param>
/// <param name="High">First displacement behind it.</param>
/// <param name="Write">It may be written.</param>
internal sealed record X87LoopSpan(AddressForm Form, long Low, long High, bool Write)
{
    /// <summary>How much larger the base register is now than it was at the check.</summary>
    public long Moved { get; set; }

    /// <summary>The register with the Host address of the first byte.</summary>
    public AssemblerRegister64 Register { get; set; }
}

/// <summary>
/// What has been checked in the block being assembled: as <see cref="CheckedSpans"/>, accesses off one register are checked together by the first of
/// them. One that does not fit leaves in front of the first access; all of them would have been reached.
/// </summary>
internal sealed class X87LoopSpans(AssemblerRegister64[] registers)
{
    private const int MaximumBytes = 256;

    private readonly List<X87LoopSpan> _spans = [];
    private readonly RegisterUse _use = new();
    private int _next;

    /// <summary>Nothing has been checked at the start of a block.</summary>
    public void BeginBlock() => _spans.Clear();

    /// <summary>A span that the access is inside, and how far; null: there is none.</summary>
    public (X87LoopSpan Span, int At)? Find(AddressForm form, int size, bool write)
    {
        foreach (X87LoopSpan span in _spans)
        {
            long displacement = form.Displacement + span.Moved;
            if (span.Form.IsOffTheSame(form) && displacement >= span.Low && displacement + size <= span.High && (span.Write || !write))
            {
                return (span, (int)(displacement - span.Low));
            }
        }

        return null;
    }

    /// <summary>A new span for the access of instruction <paramref name="at"/>, to be checked now: with what the rest of the block is going to need.</summary>
    public X87LoopSpan Plan(Instruction[] code, int at, AddressForm form, int size, bool write)
    {
        long low = form.Displacement;
        long high = low + size;
        long moved = 0;
        for (int k = at; k < code.Length; k++)
        {
            ref readonly Instruction i = ref code[k];
            int operand = MemoryOperand(i);
            if (operand >= 0 && AddressForm.Of(i) is var other && other.IsOffTheSame(form))
            {
                long first = Math.Min(low, moved + other.Displacement);
                long end = Math.Max(high, moved + other.Displacement + i.MemorySize.GetSize());
                if (end - first <= MaximumBytes)
                {
                    (low, high) = (first, end);
                    write |= AccessClass.IsWritten(i, operand);
                }
            }

            if (!Follow(i, form, ref moved))
            {
                break;
            }
        }

        AssemblerRegister64 register = registers[_next++ % registers.Length];
        _spans.RemoveAll(span => span.Register == register);
        var planned = new X87LoopSpan(form, low, high, write) { Register = register };
        _spans.Add(planned);
        return planned;
    }

    /// <summary>An instruction has been executed.</summary>
    public void Behind(in Instruction i)
    {
        for (int k = _spans.Count - 1; k >= 0; k--)
        {
            long moved = _spans[k].Moved;
            if (Follow(i, _spans[k].Form, ref moved))
            {
                _spans[k].Moved = moved;
            }
            else
            {
                _spans.RemoveAt(k);
            }
        }
    }

    /// <summary>The number of the operand that is accessed in memory, or −1.</summary>
    public static int MemoryOperand(in Instruction i)
    {
        for (int k = 0; k < i.OpCount && i.Mnemonic is not (Mnemonic.Lea or Mnemonic.Nop); k++)
        {
            if (i.GetOpKind(k) == OpKind.Memory)
            {
                return k;
            }
        }

        return -1;
    }

    /// <summary>False: the address is another one behind this instruction, and nobody knows which.</summary>
    private bool Follow(in Instruction i, AddressForm form, ref long moved)
    {
        ushort written = _use.Of(i).Written;
        if (form.Index >= 0 && (written & (1 << form.Index)) != 0)
        {
            return false;
        }

        if (form.Base < 0 || (written & (1 << form.Base)) == 0)
        {
            return true;
        }

        bool immediate = i.OpCount == 2 && i.GetOpKind(1) is OpKind.Immediate32 or OpKind.Immediate8to32;
        long? by = i.Mnemonic switch
        {
            Mnemonic.Add when immediate => (int)i.GetImmediate(1),
            Mnemonic.Sub when immediate => -(long)(int)i.GetImmediate(1),
            Mnemonic.Inc => 1,
            Mnemonic.Dec => -1,
            _ => null,
        };
        moved += by ?? 0;
        return by is > -65536 and < 65536 && moved is > -65536 and < 65536;
    }
}
