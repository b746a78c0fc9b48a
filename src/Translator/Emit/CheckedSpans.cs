using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Translator.Emit;

/// <summary>A stretch of memory that has been found accessible, and where the Host has it: <see cref="Base"/> + <see cref="Offset"/> is its first byte.</summary>
/// <param name="Form">Whose address it is relative to, as the registers were then.</param>
/// <param name="Low">First displacement inside.</param>
/// <param name="High">First displacement behind it.</param>
/// <param name="Write">It may be written.</param>
/// <param name="Base">Part of the Host address.</param>
/// <param name="Offset">The other part.</param>
internal sealed record CheckedSpan(AddressForm Form, long Low, long High, bool Write, LocalBuilder Base, LocalBuilder Offset)
{
    /// <summary>How much larger the base register is now than it was at the check.</summary>
    public long Moved { get; set; }
}

/// <summary>
/// What has been checked, in the block being emitted. Accesses off one register (the stack's above all, and those to the fields of a
/// struct) are checked together by the first of them; that a register has moved by a constant since, is known.
/// </summary>
/// <remarks>
/// One that does not fit leaves in front of the first access, and the interpreter runs the rest of the block one by one: all of them would have been
/// reached, so nothing is asked for that is not needed.
/// </remarks>
internal sealed class CheckedSpans(RegionContext c)
{
    /// <summary>Bytes that are checked together; more would too often reach across the end of something.</summary>
    private const int MaximumInWindow = 256;

    /// <summary>The same where each page has to be asked for: a span must lie within one.</summary>
    private const int MaximumInPage = 32;

    private const int MaximumAlive = 4;

    private readonly List<CheckedSpan> _spans = [];
    private readonly List<(LocalBuilder Base, LocalBuilder Offset)> _locals = [];
    private readonly Dictionary<int, CheckedSpan[]> _inherited = [];
    private readonly RegisterUse _use = new();
    private Instruction[] _code = [];
    private int _position;
    private (int Register, int By)? _move;
    private int _nextLocals;

    /// <summary>At the start of a block what has been checked is what was at the end of the only one that leads there, if it has been emitted; else nothing.</summary>
    public void BeginBlock(int number, Instruction[] code)
    {
        _code = code;
        _spans.Clear();
        if (_inherited.Remove(number, out CheckedSpan[]? spans))
        {
            _spans.AddRange(spans);
        }
    }

    /// <summary>From the end of the block being emitted, and from nowhere else, a way leads to this one.</summary>
    public void LeaveTo(int block)
    {
        if (c.Optimisations.InheritedSpans)
        {
            // Copies: how far registers have moved goes on separately.
            _inherited[block] = [.. _spans.Select(static span => span with { })];
        }
    }

    /// <summary>The instruction with this number is to be emitted.</summary>
    public void BeginInstruction(int number)
    {
        _position = number;
        _move = Move(_code[number]);
    }

    /// <summary>A register gets another value.</summary>
    public void Changed(int register)
    {
        bool known = _move is { } move && move.Register == register;
        for (int i = _spans.Count - 1; i >= 0; i--)
        {
            AddressForm form = _spans[i].Form;
            if (known && form.Base == register && form.Index != register)
            {
                _spans[i].Moved += _move!.Value.By;
            }
            else if (form.Base == register || form.Index == register)
            {
                _spans.RemoveAt(i);
            }
        }

        if (known)
        {
            _move = null;
        }
    }

    /// <summary>A span that the access is inside; <paramref name="at"/> bytes from its start.</summary>
    public CheckedSpan? Find(AddressForm form, int size, bool write, out int at)
    {
        foreach (CheckedSpan span in _spans)
        {
            long displacement = form.Displacement + span.Moved;
            if (span.Form.IsOffTheSame(form) && displacement >= span.Low && displacement + size <= span.High && (span.Write || !write))
            {
                at = (int)(displacement - span.Low);
                return span;
            }
        }

        at = 0;
        return null;
    }

    /// <summary>A new span, to be checked by the access at hand: as much as the rest of the block is going to need.</summary>
    public CheckedSpan Plan(AddressForm form, int size, bool write, bool inWindow)
    {
        long low = form.Displacement;
        long high = low + size;
        if (c.Optimisations.CheckedSpans)
        {
            LookAhead(form, inWindow, ref low, ref high, ref write);
        }

        (LocalBuilder hostBase, LocalBuilder offset) = Locals();
        return new CheckedSpan(form with { Displacement = 0 }, low, high, write, hostBase, offset);
    }

    /// <summary>A span that is not off any register.</summary>
    public CheckedSpan Alone(int size, bool write)
    {
        (LocalBuilder hostBase, LocalBuilder offset) = Locals();
        return new CheckedSpan(AddressForm.Off(Reg.Eax, 0), 0, size, write, hostBase, offset);
    }

    /// <summary>The span has been checked.</summary>
    public void Add(CheckedSpan span)
    {
        if (c.Optimisations.CheckedSpans)
        {
            _spans.Add(span);
        }
    }

    /// <summary>By how much an instruction is known to move a register.</summary>
    private static (int Register, int By)? Move(in Instruction i)
    {
        switch (i.Mnemonic)
        {
            case Mnemonic.Push or Mnemonic.Call or Mnemonic.Ret when i.StackPointerIncrement != 0:
            case Mnemonic.Pop when i.GetOpKind(0) == OpKind.Register && i.GetOpRegister(0).GetFullRegister32() != Register.ESP:
                return (Reg.Esp, i.StackPointerIncrement);
            case Mnemonic.Add or Mnemonic.Sub when Is32(i) && i.GetOpKind(1) is OpKind.Immediate32 or OpKind.Immediate8to32:
                int by = (int)i.GetImmediate(1);
                return by is > -65536 and < 65536 ? (RegionContext.RegisterNumber(i.GetOpRegister(0)), i.Mnemonic == Mnemonic.Add ? by : -by) : null;
            case Mnemonic.Inc or Mnemonic.Dec when Is32(i):
                return (RegionContext.RegisterNumber(i.GetOpRegister(0)), i.Mnemonic == Mnemonic.Inc ? 1 : -1);
            default:
                return null;
        }
    }

    private static bool Is32(in Instruction i) => i.GetOpKind(0) == OpKind.Register && i.GetOpRegister(0).IsGPR32();

    private void LookAhead(AddressForm form, bool inWindow, ref long low, ref long high, ref bool write)
    {
        int maximum = inWindow ? MaximumInWindow : MaximumInPage;

        // Where the address is known, so is the end of the page: a span across it would miss each time.
        bool pageIsKnown = !inWindow && form.IsAbsolute;
        long moved = 0;
        for (int k = _position; k < _code.Length; k++)
        {
            ref readonly Instruction i = ref _code[k];
            (int Register, int By)? move = Move(i);
            if (i.Mnemonic is not (Mnemonic.Lea or Mnemonic.Nop))
            {
                for (int operand = 0; operand < i.OpCount; operand++)
                {
                    if (i.GetOpKind(operand) == OpKind.Memory && RegionEmitter.HasPlainMemory(i)
                        && AddressForm.Of(i) is var other && other.IsOffTheSame(form with { Displacement = 0 }))
                    {
                        Widen(moved + other.Displacement, i.MemorySize.GetSize(), AccessClass.IsWritten(i, operand), ref low, ref high, ref write);
                    }
                }
            }

            if (form.Base == Reg.Esp && form.Index < 0)
            {
                if (i.Mnemonic is Mnemonic.Push or Mnemonic.Call && i.StackPointerIncrement == -4)
                {
                    Widen(moved - 4, 4, true, ref low, ref high, ref write);
                }
                else if (i.Mnemonic is Mnemonic.Pop or Mnemonic.Ret && i.StackPointerIncrement >= 4)
                {
                    Widen(moved, 4, false, ref low, ref high, ref write);
                }
            }

            (_, ushort written) = _use.Of(i);
            bool index = form.Index >= 0 && (written & (1 << form.Index)) != 0;
            bool changed = form.Base >= 0 && (written & (1 << form.Base)) != 0;
            if (index || (changed && move?.Register != form.Base))
            {
                return;
            }

            moved += changed ? move!.Value.By : 0;
        }

        void Widen(long at, int size, bool writes, ref long low, ref long high, ref bool write)
        {
            long first = Math.Min(low, at);
            long end = Math.Max(high, at + size);
            if (size is > 0 and <= 64 && end - first <= maximum && !(pageIsKnown && first >> 12 != (end - 1) >> 12))
            {
                low = first;
                high = end;
                write |= writes;
            }
        }
    }

    private (LocalBuilder Base, LocalBuilder Offset) Locals()
    {
        int number = _nextLocals++ % MaximumAlive;
        if (number == _locals.Count)
        {
            _locals.Add((c.Il.DeclareLocal(typeof(ulong)), c.Il.DeclareLocal(typeof(ulong))));
        }

        // Whoever had them before has been longest ago.
        LocalBuilder offset = _locals[number].Offset;
        _spans.RemoveAll(span => span.Offset == offset);
        return _locals[number];
    }
}
