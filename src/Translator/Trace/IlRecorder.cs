using System.Globalization;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.InteropServices;

namespace Lguest.Jit.Translator.Trace;

/// <summary>
/// Stands in for the IL generator of one region, passes everything on, and remembers it for a listing. Used only where
/// somebody wants to read the IL: everywhere else the emitters hold the real one.
/// </summary>
internal sealed class IlRecorder(ILGenerator inner) : ILGenerator
{
    /// <summary>Arrays whose elements have names of their own.</summary>
    private static readonly Dictionary<string, string[]> s_elements = new()
    {
        ["registers"] = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"],
        ["lowBytes"] = ["al", "cl", "dl", "bl"],
    };

    private readonly List<IlLine> _lines = [];
    private readonly Dictionary<LocalBuilder, string> _names = [];
    private readonly List<LocalBuilder> _locals = [];

    /// <summary>What was emitted, in order.</summary>
    public IReadOnlyList<IlLine> Lines => _lines;

    /// <summary>Locals, in the order of their numbers.</summary>
    public IReadOnlyList<LocalBuilder> Locals => _locals;

    /// <inheritdoc/>
    public override int ILOffset => inner.ILOffset;

    /// <summary>What follows is emitted for the Guest instruction at <paramref name="eip"/>.</summary>
    public static void At(ILGenerator il, uint eip) => (il as IlRecorder)?._lines.Add(new IlLine(IlLineKind.Instruction, Operand: eip));

    /// <summary>What follows belongs to no instruction.</summary>
    public static void Note(ILGenerator il, string text) => (il as IlRecorder)?._lines.Add(new IlLine(IlLineKind.Note, Operand: text));

    /// <summary>What follows is block <paramref name="number"/> of the plan.</summary>
    public static void Block(ILGenerator il, int number) =>
        (il as IlRecorder)?._lines.Add(new IlLine(IlLineKind.Note, Operand: $"block {number}"));

    /// <summary>
    /// Names locals after the fields and properties that keep them, and registers after themselves. Called once, when all have
    /// been declared.
    /// </summary>
    /// <param name="il">The region's generator.</param>
    /// <param name="owners">Objects with fields that are locals, or collections of such objects.</param>
    public static void NameLocals(ILGenerator il, params ReadOnlySpan<object> owners)
    {
        if (il is not IlRecorder recorder)
        {
            return;
        }

        foreach (object owner in owners)
        {
            if (owner is not System.Collections.IEnumerable several)
            {
                recorder.NameLocals(owner, "");
                continue;
            }

            int number = 0;
            foreach (object one in several)
            {
                recorder.NameLocals(one, number++.ToString(CultureInfo.InvariantCulture));
            }
        }
    }

    private void NameLocals(object owner, string suffix)
    {
        foreach (FieldInfo field in owner.GetType().GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public))
        {
            // The field behind a property "Budget" is "<Budget>k__BackingField".
            string name = field.Name.TrimStart('<', '_').Split('>')[0];
            name = char.ToLowerInvariant(name[0]) + name[1..];
            switch (field.GetValue(owner))
            {
                case LocalBuilder local:
                    _names.TryAdd(local, name + suffix);
                    break;
                case LocalBuilder?[] array:
                    for (int i = 0; i < array.Length; i++)
                    {
                        if (array[i] is { } element)
                        {
                            _names.TryAdd(element, s_elements.TryGetValue(name, out string[]? elements) && i < elements.Length ? elements[i] : $"{name}{i}");
                        }
                    }

                    break;
            }
        }
    }

    /// <summary>"budget", or "v7" for one that nobody has named.</summary>
    public string NameOf(LocalBuilder local) => _names.GetValueOrDefault(local) ?? $"v{local.LocalIndex}";

    /// <inheritdoc/>
    public override LocalBuilder DeclareLocal(Type localType, bool pinned)
    {
        LocalBuilder local = inner.DeclareLocal(localType, pinned);
        _locals.Add(local);
        return local;
    }

    /// <inheritdoc/>
    public override Label DefineLabel() => inner.DefineLabel();

    /// <inheritdoc/>
    public override void MarkLabel(Label loc)
    {
        inner.MarkLabel(loc);
        _lines.Add(new IlLine(IlLineKind.Label, Operand: loc));
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode)
    {
        inner.Emit(opcode);
        Add(opcode, null);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, byte arg)
    {
        inner.Emit(opcode, arg);
        Add(opcode, arg);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, double arg)
    {
        inner.Emit(opcode, arg);
        Add(opcode, arg);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, short arg)
    {
        inner.Emit(opcode, arg);
        Add(opcode, arg);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, int arg)
    {
        inner.Emit(opcode, arg);
        Add(opcode, arg);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, long arg)
    {
        inner.Emit(opcode, arg);
        Add(opcode, arg);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, float arg)
    {
        inner.Emit(opcode, arg);
        Add(opcode, arg);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, string str)
    {
        inner.Emit(opcode, str);
        Add(opcode, str);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, ConstructorInfo con)
    {
        inner.Emit(opcode, con);
        Add(opcode, con);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, FieldInfo field)
    {
        inner.Emit(opcode, field);
        Add(opcode, field);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, MethodInfo meth)
    {
        inner.Emit(opcode, meth);
        Add(opcode, meth);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, Type cls)
    {
        inner.Emit(opcode, cls);
        Add(opcode, cls);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, SignatureHelper signature)
    {
        inner.Emit(opcode, signature);
        Add(opcode, "signature");
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, Label label)
    {
        inner.Emit(opcode, label);
        Add(opcode, label);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, Label[] labels)
    {
        inner.Emit(opcode, labels);
        Add(opcode, labels);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, LocalBuilder local)
    {
        inner.Emit(opcode, local);
        Add(opcode, local);
    }

    /// <inheritdoc/>
    public override void EmitCall(OpCode opcode, MethodInfo methodInfo, Type[]? optionalParameterTypes)
    {
        inner.EmitCall(opcode, methodInfo, optionalParameterTypes);
        Add(opcode, methodInfo);
    }

    /// <inheritdoc/>
    public override void EmitCalli(
        OpCode opcode, CallingConventions callingConvention, Type? returnType, Type[]? parameterTypes, Type[]? optionalParameterTypes)
    {
        inner.EmitCalli(opcode, callingConvention, returnType, parameterTypes, optionalParameterTypes);
        Add(opcode, Signature(returnType, parameterTypes));
    }

    /// <inheritdoc/>
    public override void EmitCalli(OpCode opcode, CallingConvention unmanagedCallConv, Type? returnType, Type[]? parameterTypes)
    {
        inner.EmitCalli(opcode, unmanagedCallConv, returnType, parameterTypes);
        Add(opcode, Signature(returnType, parameterTypes));
    }

    /// <inheritdoc/>
    public override Label BeginExceptionBlock() => inner.BeginExceptionBlock();

    /// <inheritdoc/>
    public override void EndExceptionBlock() => inner.EndExceptionBlock();

    /// <inheritdoc/>
    public override void BeginExceptFilterBlock() => inner.BeginExceptFilterBlock();

    /// <inheritdoc/>
    public override void BeginCatchBlock(Type? exceptionType) => inner.BeginCatchBlock(exceptionType!);

    /// <inheritdoc/>
    public override void BeginFaultBlock() => inner.BeginFaultBlock();

    /// <inheritdoc/>
    public override void BeginFinallyBlock() => inner.BeginFinallyBlock();

    /// <inheritdoc/>
    public override void UsingNamespace(string usingNamespace) => inner.UsingNamespace(usingNamespace);

    /// <inheritdoc/>
    public override void BeginScope() => inner.BeginScope();

    /// <inheritdoc/>
    public override void EndScope() => inner.EndScope();

    private static string Signature(Type? result, Type[]? parameters) =>
        $"{result?.Name ?? "Void"} ({string.Join(", ", (parameters ?? []).Select(static p => p.Name))})";

    private void Add(OpCode code, object? operand) => _lines.Add(new IlLine(IlLineKind.Code, code, operand));
}
