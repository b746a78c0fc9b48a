using System.Reflection.Emit;
using Lguest.Jit.Core.Memory;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// Guest memory from translated code: through the window of the access's class, or through the soft TLB; and if it is not there, out. Nothing
/// comes back from a miss, so loops consist of what they do and nothing else.
/// </summary>
internal static class MemoryEmitter
{
    /// <summary>
    /// Makes the bytes at an address accessible: afterwards <see cref="RegionContext.Host"/> says where the Host has them. Or the
    /// region has been left.
    /// </summary>
    public static void Translate(RegionContext c, AddressForm form, int size, bool write)
    {
        if (c.Spans.Find(form, size, write, out int at) is { } known)
        {
            c.Host = new HostPlace(known.Base, known.Offset, at);
            return;
        }

        AccessClass accesses = AccessClass.Of(form, write);
        bool windowed = c.UseWindows && c.Windows.TryFind(accesses, out _, out _);
        CheckedSpan span = c.Spans.Plan(form, size, write, windowed);
        OperandEmitter.PushAddress(c, form with { Displacement = (int)span.Low });
        span = Check(c, span, AccessClass.Of(form, span.Write));
        c.Spans.Add(span);
        c.Host = new HostPlace(span.Base, span.Offset, (int)(form.Displacement - span.Low));
    }

    /// <summary>Pops a linear address that no other access is likely to be near, and makes it accessible by itself.</summary>
    public static void TranslateAlone(RegionContext c, int size, bool write)
    {
        CheckedSpan span = c.Spans.Alone(size, write);
        AskTlb(c, span, size);
        c.Host = new HostPlace(span.Base, span.Offset, 0);
    }

    /// <summary>Pushes the value at the translated address, zero-extended.</summary>
    public static void Load(RegionContext c, int size)
    {
        PushHostAddress(c);
        if (size > 1)
        {
            c.Il.Emit(OpCodes.Unaligned, (byte)1);
        }

        c.Il.Emit(size switch
        {
            1 => OpCodes.Ldind_U1,
            2 => OpCodes.Ldind_U2,
            _ => OpCodes.Ldind_U4,
        });
    }

    /// <summary>Stores a value at the translated address.</summary>
    public static void Store(RegionContext c, FlagExpression value, int size)
    {
        PushHostAddress(c);
        value.Emit(c);
        if (size > 1)
        {
            c.Il.Emit(OpCodes.Unaligned, (byte)1);
        }

        c.Il.Emit(size switch
        {
            1 => OpCodes.Stind_I1,
            2 => OpCodes.Stind_I2,
            _ => OpCodes.Stind_I4,
        });
    }

    /// <summary>Pushes the translated address.</summary>
    public static void PushHostAddress(RegionContext c)
    {
        c.Il.Emit(OpCodes.Ldloc, c.Host.Base);
        c.Il.Emit(OpCodes.Ldloc, c.Host.Offset);
        c.Il.Emit(OpCodes.Add);
        if (c.Host.At != 0)
        {
            c.Il.Emit(OpCodes.Ldc_I4, c.Host.At);
            c.Il.Emit(OpCodes.Conv_I8);
            c.Il.Emit(OpCodes.Add);
        }

        c.Il.Emit(OpCodes.Conv_I);
    }

    /// <summary>Pops the linear address of the first byte of a span; leaves if the span is not accessible.</summary>
    /// <returns>The span with its parts of the Host address where they are now.</returns>
    private static CheckedSpan Check(RegionContext c, CheckedSpan span, AccessClass accesses)
    {
        int size = (int)(span.High - span.Low);
        if (c.UseWindows && c.Windows.TryFind(accesses, out Window window, out nint record))
        {
            LookThrough(c, window, span.Offset, size, new MissNote(record, window, span.Offset));
            return span with { Base = window.Base };
        }

        AskTlb(c, span, size);
        return span;
    }

    /// <summary>Offset = address - start; out if that is more than the window's limit.</summary>
    private static void LookThrough(RegionContext c, Window window, LocalBuilder offset, int size, MissNote miss)
    {
        ILGenerator il = c.Il;
        il.Emit(OpCodes.Ldloc, window.Start);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Conv_U8);
        il.Emit(OpCodes.Stloc, offset);
        il.Emit(OpCodes.Ldloc, offset);
        if (size > 4)
        {
            il.Emit(OpCodes.Ldc_I4, size - 4);
            il.Emit(OpCodes.Conv_I8);
            il.Emit(OpCodes.Add);
        }

        // Signed, in 64 bits: a window that is shut has the limit -1.
        il.Emit(OpCodes.Ldloc, window.Limit);
        c.Exits.MissUnless(OpCodes.Ble, miss);
    }

    /// <summary>Offset = address, Base = table[address >> 12]; out if that is empty, or the span might reach across the page's end.</summary>
    private static void AskTlb(RegionContext c, CheckedSpan span, int size)
    {
        ILGenerator il = c.Il;
        il.Emit(OpCodes.Conv_U8);
        il.Emit(OpCodes.Stloc, span.Offset);
        il.Emit(OpCodes.Ldloc, c.ReadTable);
        il.Emit(OpCodes.Ldloc, span.Offset);
        il.Emit(OpCodes.Ldc_I4, 12);
        il.Emit(OpCodes.Shr_Un);
        il.Emit(OpCodes.Ldc_I4_3);
        il.Emit(OpCodes.Shl);
        il.Emit(OpCodes.Add);
        if (span.Write)
        {
            il.Emit(OpCodes.Ldc_I4, AddressSpace.WriteTableDistance);
            il.Emit(OpCodes.Conv_I8);
            il.Emit(OpCodes.Add);
        }

        il.Emit(OpCodes.Conv_I);
        il.Emit(OpCodes.Ldind_I8);
        il.Emit(OpCodes.Stloc, span.Base);
        il.Emit(OpCodes.Ldloc, span.Base);
        Label miss = c.Exits.MissUnless(OpCodes.Brtrue);
        if (size is 2 or 4 && c.ExpectsAlignment && !span.Form.IsAbsolute)
        {
            // Half as long as a look at where the page ends.
            il.Emit(OpCodes.Ldloc, span.Offset);
            il.Emit(OpCodes.Conv_U4);
            il.Emit(OpCodes.Ldc_I4, size - 1);
            il.Emit(OpCodes.And);
            c.Exits.MissUnless(OpCodes.Brfalse, new MissNote(c.TakeAlignmentRecord(), null, null));
        }
        else if (size > 1)
        {
            il.Emit(OpCodes.Ldloc, span.Offset);
            il.Emit(OpCodes.Conv_U4);
            il.Emit(OpCodes.Ldc_I4, 0xFFF);
            il.Emit(OpCodes.And);
            il.Emit(OpCodes.Ldc_I4, 0x1000 - size);
            il.Emit(OpCodes.Bgt_Un, miss);
        }
    }
}

/// <summary>Where the Host has what the Guest is about to access: the sum of the three.</summary>
internal readonly record struct HostPlace(LocalBuilder Base, LocalBuilder Offset, int At);

/// <summary>A miss that a <see cref="Tiering.WindowTuner"/> is to be told about, or an <see cref="Tiering.AlignmentTuner"/>.</summary>
/// <param name="Record">Names the use of the window, or the region that expected an aligned address.</param>
/// <param name="Window">The window; null: none.</param>
/// <param name="Offset">Where the access was, from the window's start, modulo 2^32; null without one.</param>
internal sealed record MissNote(nint Record, Window? Window, LocalBuilder? Offset);
