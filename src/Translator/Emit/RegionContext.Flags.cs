using System.Reflection.Emit;
using Lguest.Jit.Core.Flags;

namespace Lguest.Jit.Translator.Emit;

/// <content>Where the flags are: in locals as they were made, in copies of those, or in the CPU struct.</content>
internal sealed partial class RegionContext
{
    /// <summary>Computes the operands of the flags into the locals for them; the kind stays a constant.</summary>
    public FlagState SaveFlags(FlagState flags)
    {
        // Both are pushed before either is stored, as each may depend on what the other replaces.
        flags.A.Emit(this);
        flags.B?.Emit(this);
        if (flags.B != null)
        {
            Il.Emit(OpCodes.Stloc, SavedB);
        }

        Il.Emit(OpCodes.Stloc, SavedA);
        return flags with { A = FlagExpression.Of(SavedA), B = flags.B == null ? null : FlagExpression.Of(SavedB), Result = null, CarryWord = null };
    }

    /// <summary>
    /// Flags that are made of what stands in the CPU struct are made of copies from here on: it is about to be written to. Those that consist of nothing else stand there
    /// already.
    /// </summary>
    public void KeepFlagsOfFields()
    {
        if (Flags.UsesFields && Flags.Kind != FlagState.Dynamic)
        {
            Flags = SaveFlags(Flags);
        }
    }

    /// <summary>
    /// Puts the flags into the CPU struct, as kind and operands. That is where code that is reached in several ways expects
    /// them: three stores at the end of a loop's body cost less than three registers through all of it.
    /// </summary>
    public void StoreFlags(FlagState flags)
    {
        if (flags.Kind == FlagState.Dynamic)
        {
            return;
        }

        Label? stored = null;
        if (flags.OrEntry)
        {
            stored = Il.DefineLabel();
            Il.Emit(OpCodes.Ldloc, Budget);
            Il.Emit(OpCodes.Ldarg_0);
            Offset(MethodNames.EntryMark);
            Il.Emit(OpCodes.Ldind_I4);
            Il.Emit(OpCodes.Beq, stored.Value);
        }

        if (flags.UsesFields)
        {
            flags = SaveFlags(flags);
        }

        StoreValue(MethodNames.FlagsA, flags.A);
        if (flags.B != null)
        {
            StoreValue(MethodNames.FlagsB, flags.B);
        }

        Store(MethodNames.FlagsKind, flags.Kind);
        if (stored is { } label)
        {
            Il.MarkLabel(label);
        }
    }

    /// <summary>Flags that may still be those of the entry are wanted by somebody who will not ask: from here on they stand in the CPU struct.</summary>
    public void SettleEntry()
    {
        if (Flags.OrEntry)
        {
            StoreFlags(CarryNormal && !Flags.IsCarryNormal ? Flags with { Kind = FlagKind.Raw, A = Flags.RawResult(this), B = Flags.RawAux(this) } : Flags);
            Flags = CanonicalFlags();
        }
    }

    /// <summary>Keeps the description of the flags from growing without end, along a chain of rotates for example.</summary>
    public void BoundFlags()
    {
        if (Flags.Kind != FlagState.Unknown && Math.Max(Flags.A.Depth, Flags.B?.Depth ?? 0) > DeepestFlags)
        {
            Flags = SaveFlags(Flags);
        }
    }

    /// <summary>Puts the flags where code that is reached in several ways expects them.</summary>
    public void CanonicaliseFlags()
    {
        if (Flags.Kind == FlagState.Dynamic)
        {
            return;
        }

        FlagState stored = Flags;
        if (CarryNormal && !Flags.IsCarryNormal)
        {
            stored = new FlagState(FlagKind.Raw, Flags.RawResult(this), Flags.RawAux(this), null);
        }

        StoreFlags(stored);
        if (Flags.UsesFields)
        {
            Flags = new FlagState(stored.Kind, FlagExpression.Field(MethodNames.FlagsA), FlagExpression.Field(MethodNames.FlagsB), null);
        }
    }

    /// <summary>The state of code that is reached in several ways.</summary>
    public static FlagState CanonicalFlags() =>
        new(FlagState.Dynamic, FlagExpression.Field(MethodNames.FlagsA), FlagExpression.Field(MethodNames.FlagsB), null);

    /// <summary>The flags are what two words in the CPU struct say (a handler of the interpreter has just written them).</summary>
    public void LoadFlagsFromMemory()
    {
        Load(MethodNames.FlagsResult, OpCodes.Ldind_U4, SavedA);
        Load(MethodNames.FlagsAux, OpCodes.Ldind_U4, SavedB);
        Flags = new FlagState(FlagKind.Raw, FlagExpression.Of(SavedA), FlagExpression.Of(SavedB), null);
    }
}
