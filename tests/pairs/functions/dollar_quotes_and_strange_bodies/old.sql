CREATE FUNCTION q() RETURNS text LANGUAGE sql AS $a$ SELECT $$x$$::text -- ; $function$
$a$;
